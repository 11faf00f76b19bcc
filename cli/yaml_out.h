/* yaml_out: words as YAML has them. Pure; any thread. */
#ifndef CLI_YAML_OUT_H
#define CLI_YAML_OUT_H

#include "base/buf.h"

/*
 * yaml_out_word: append a text as one YAML word that is read back as the same
 * text: as it is, or in double quotes, where what a terminal must not see is
 * escaped. Of text that is no UTF-8, which YAML cannot hold, the escapes of
 * base/text.h are what is read back.
 */
void yaml_out_word(struct buf *out, const char *text);

#endif
