/* watched: whether ThreadSanitizer looks at each access to memory, which costs
 * a hundredfold: what one thread does over and over is then done less often. */
#ifndef TESTS_SUPPORT_WATCHED_H
#define TESTS_SUPPORT_WATCHED_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define WATCHED 1
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

#endif
