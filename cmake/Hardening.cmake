# What a release carries, and what a sanitizer build replaces it with.
add_compile_definitions(_GNU_SOURCE)
if(DEDUP_SANITIZE)
  add_compile_options(-fsanitize=${DEDUP_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DEDUP_SANITIZE})
else()
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  add_link_options(-Wl,-z,relro,-z,now -pie)
endif()
if(DEDUP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
