/* What message/oddities.py counts, in C. */

#include <stdint.h>
#include <string.h>

static int is_latin(uint32_t letter) { return (letter | 32) >= 'a' && (letter | 32) <= 'z'; }

static int is_cyrillic(uint32_t letter) { return letter >= 0x400 && letter <= 0x4ff; }

/* How often a letter of one script stands beside one of the other, each counted once. Text is UTF-32. */
uint32_t oddities_mixed(const uint32_t *text, uint32_t length) {
    uint32_t found = 0;
    for (uint32_t at = 1; at < length; at++) {
        const uint32_t one = text[at - 1], next = text[at];
        if ((is_latin(one) && is_cyrillic(next)) || (is_cyrillic(one) && is_latin(next))) {
            found++;
            at++;
        }
    }
    return found;
}

/* Bits for the ends of lines that are there: 1 CR LF, 2 CR alone, 4 LF alone. */
uint32_t oddities_line_ends(const char *bytes, uint32_t length) {
    const char *end = bytes + length;
    uint32_t found = 0;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        found |= at > bytes && at[-1] == '\r' ? 1 : 4;
    for (const char *at = bytes; !(found & 2) && (at = memchr(at, '\r', (size_t)(end - at))); at++)
        found |= at + 1 < end && at[1] == '\n' ? 1 : 2;
    return found;
}
