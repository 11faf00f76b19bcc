/* library: which versions of other people's code seal and compress here, for
 * people who report a trouble. Any thread. */
#ifndef REPO_LIBRARY_H
#define REPO_LIBRARY_H

/* As each of them says itself, of what is loaded; static storage. */
const char *library_sodium(void);
const char *library_openssl(void);
const char *library_ipsec_mb(void); /* or "none": the build has it not */
const char *library_zstd(void);

#endif
