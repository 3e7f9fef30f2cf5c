/* A text out of the bytes of a mail: message/transfer.py, charset.py `decode`, and what text.py and body.py ask of
   every text first, in C.

   Only what is well written is read: base64 in lines with its padding, quoted-printable without a stray "=", UTF-8 (or
   ASCII) that is all there, and a declared Cyrillic charset of one byte a letter that reads well. All else is Python's.
   What was read stays as UTF-32 in the machine's byte order until the next is.

   All buffers are as large as the longest part needs and are made once. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { AS_IT_IS, BASE64, QUOTED_PRINTABLE }; /* native_text._TRANSFERS */
enum { NOT_MINE = -1, READ = 0, ODD = 1 };
enum {
    PLAIN = 0x10000,      /* code points that tables know */
    ESCAPE = 0x1b,
    WELL = 1000,          /* letters that charset._reads_well looks at */
    LONGEST_WORD = 32,
    SHORTEST_WORD = 5,    /* body._WORD */
    WORDS_FROM = 4000,    /* body._agrees */
    SAMPLE = 8,
    FIRST_PICTURE = 0x1f300, /* emoji: none is a letter */
    LAST_PICTURE = 0x1faff,
    LINE_END = 64,        /* of a letter of base64 */
    PADDING,
    FOREIGN
};

/* A charset of one byte a letter, from 128 on. common: is in charset._COMMON. native_text._Charset */
struct charset {
    uint16_t letters[128];
    uint8_t common[128];
};

/* native_text._Read */
struct read {
    const uint32_t *letters;
    uint32_t size;
};

struct text {
    struct read read;
    uint32_t most, *letters;
    uint8_t *bytes, sixes[256];
    uint8_t ordinary[PLAIN / 8], of_words[PLAIN / 8]; /* a bit for each code point */
};

struct span {
    uint32_t start, length;
};

/* ------------------------------------------------------------------------------------------------------ transfer */

/* The bytes of base64: how many, or NOT_MINE. */
static int64_t base64(struct text *t, const uint8_t *data, uint32_t size) {
    const uint8_t *six = t->sixes;
    uint8_t *out = t->bytes;
    uint32_t at = 0, bits = 0, count = 0, padding = 0;
    while (at < size) {
        if (!count && size - at >= 4) { /* four at once; a letter beyond 63 shows in the sum of the bits */
            const uint32_t a = six[data[at]], b = six[data[at + 1]], c = six[data[at + 2]], d = six[data[at + 3]];
            if ((a | b | c | d) < 64) {
                if (out - t->bytes > (int64_t)t->most - 3)
                    return NOT_MINE;
                *out++ = (uint8_t)(a << 2 | b >> 4);
                *out++ = (uint8_t)(b << 4 | c >> 2);
                *out++ = (uint8_t)(c << 6 | d);
                at += 4;
                continue;
            }
        }
        const uint32_t value = six[data[at++]];
        if (value < 64) {
            bits = bits << 6 | value;
            if (++count == 4) {
                if (out - t->bytes > (int64_t)t->most - 3)
                    return NOT_MINE;
                *out++ = (uint8_t)(bits >> 16);
                *out++ = (uint8_t)(bits >> 8);
                *out++ = (uint8_t)bits;
                bits = count = 0;
            }
        } else if (value == PADDING) {
            padding = 1;
            break;
        } else if (value != LINE_END) {
            return NOT_MINE;
        }
    }
    if (!count)
        return padding ? NOT_MINE : out - t->bytes;
    if (count == 1 || !padding || (count == 2 && (at >= size || data[at++] != '=')) ||
        out - t->bytes > (int64_t)t->most - 2)
        return NOT_MINE;
    while (at < size)
        if (six[data[at++]] != LINE_END)
            return NOT_MINE;
    bits <<= 6 * (4 - count);
    *out++ = (uint8_t)(bits >> 16);
    if (count == 3)
        *out++ = (uint8_t)(bits >> 8);
    return out - t->bytes;
}

static uint32_t hex(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

static int64_t quoted_printable(struct text *t, const uint8_t *data, uint32_t size) {
    uint32_t out = 0;
    for (uint32_t at = 0; at < size;) {
        if (data[at] != '=') {
            if (out == t->most)
                return NOT_MINE;
            t->bytes[out++] = data[at++];
        } else if (size - at >= 2 && data[at + 1] == '\n') {
            at += 2;
        } else if (size - at >= 3 && data[at + 1] == '\r' && data[at + 2] == '\n') {
            at += 3;
        } else {
            if (size - at < 3 || hex(data[at + 1]) > 15 || hex(data[at + 2]) > 15 || out == t->most)
                return NOT_MINE;
            t->bytes[out++] = (uint8_t)(hex(data[at + 1]) << 4 | hex(data[at + 2]));
            at += 3;
        }
    }
    return out;
}

/* ------------------------------------------------------------------------------------------------------- charset */

static int has_mark(const uint8_t *data, uint32_t size) {
    static const uint8_t marks[4][4] = {{0xef, 0xbb, 0xbf}, {0xff, 0xfe}, {0xfe, 0xff}, {0, 0, 0xfe, 0xff}};
    static const uint32_t sizes[4] = {3, 2, 2, 4};
    for (int i = 0; i < 4; i++)
        if (size >= sizes[i] && !memcmp(data, marks[i], sizes[i]))
            return 1;
    return 0;
}

/* UTF-8: how many letters; NOT_MINE where a last one is cut in two or there is an escape; -2 where it is none. */
static int64_t utf8(uint32_t *out, const uint8_t *data, uint32_t size) {
    const uint32_t *start = out;
    for (uint32_t at = 0; at < size;) {
        const uint32_t first = data[at++];
        uint32_t more, letter, least;
        if (first < 0x80) {
            if (first == ESCAPE)
                return NOT_MINE;
            *out++ = first;
            continue;
        }
        if (first < 0xe0) {
            if (first < 0xc2)
                return -2;
            if (at < size && (data[at] & 0xc0) == 0x80) {
                *out++ = (first & 0x1f) << 6 | (data[at++] & 0x3f);
                continue;
            }
            return at < size ? -2 : NOT_MINE;
        }
        if (first < 0xf0) {
            more = 2;
            least = 0x800;
            letter = first & 0x0f;
        } else if (first < 0xf5) {
            more = 3;
            least = 0x10000;
            letter = first & 0x07;
        } else {
            return -2;
        }
        for (; more; more--) {
            if (at == size)
                return NOT_MINE;
            if ((data[at] & 0xc0) != 0x80)
                return -2;
            letter = letter << 6 | (data[at++] & 0x3f);
        }
        if (letter < least || letter > 0x10ffff || (letter >= 0xd800 && letter <= 0xdfff))
            return -2;
        *out++ = letter;
    }
    return out - start;
}

/* charset._reads_well, and the letters. */
static int64_t one_byte(uint32_t *out, const uint8_t *data, uint32_t size, const struct charset *charset) {
    uint32_t high = 0, common = 0;
    for (uint32_t i = 0; i < size; i++) {
        if (data[i] == ESCAPE)
            return NOT_MINE;
        if (data[i] < 0x80) {
            out[i] = data[i];
            continue;
        }
        out[i] = charset->letters[data[i] - 0x80];
        if (i < WELL) {
            high++;
            common += charset->common[data[i] - 0x80];
        }
    }
    return high < 6 || common * 2 > high ? (int64_t)size : NOT_MINE;
}

static int has(const uint8_t *bits, uint32_t letter) { return letter < PLAIN && bits[letter >> 3] >> (letter & 7) & 1; }

/* Line ends of one letter; whether text.plain has to look twice. */
static int with_plain_lines(struct text *t) {
    uint32_t *letters = t->letters, size = t->read.size, kept = 0;
    int odd = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t letter = letters[i];
        if (letter == '\r') {
            if (i + 1 < size && letters[i + 1] == '\n')
                continue;
            letter = '\n';
        }
        odd |= !has(t->ordinary, letter);
        letters[kept++] = letter;
    }
    t->read.size = kept;
    return odd ? ODD : READ;
}

/* -------------------------------------------------------------------------------------------------------- words */

static int stands_in(const uint32_t *word, uint32_t length, const uint32_t *at, const uint32_t *end,
                     const uint32_t **found) {
    if (end - at < length)
        return 0;
    for (end -= length - 1; at < end; at++)
        if (*at == *word && at[length - 1] == word[length - 1] && !memcmp(at, word, length * sizeof *word)) {
            *found = at;
            return 1;
        }
    return 0;
}

/* --------------------------------------------------------------------------------------------------------- doors */

void text_free(struct text *t) {
    if (!t)
        return;
    free(t->bytes);
    free(t->letters);
    free(t);
}

/* most: bytes of a decoded part. ordinary, of_words: a bit for each code point below PLAIN. NULL: no memory. */
struct text *text_new(uint32_t most, const uint8_t *ordinary, const uint8_t *of_words) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct text *t;
    if (!most || most > 1u << 24 || !(t = calloc(1, sizeof *t)))
        return NULL;
    t->most = most;
    t->bytes = malloc(most);
    t->letters = malloc(most * sizeof *t->letters);
    if (!t->bytes || !t->letters) {
        text_free(t);
        return NULL;
    }
    t->read.letters = t->letters;
    memcpy(t->ordinary, ordinary, sizeof t->ordinary);
    memcpy(t->of_words, of_words, sizeof t->of_words);
    memset(t->sixes, FOREIGN, sizeof t->sixes);
    for (int i = 0; i < 64; i++)
        t->sixes[(uint8_t)alphabet[i]] = (uint8_t)i;
    t->sixes['\r'] = t->sixes['\n'] = LINE_END;
    t->sixes['='] = PADDING;
    return t;
}

/* Where `text_read` leaves the letters. */
const struct read *text_letters(const struct text *t) { return &t->read; }

/* transfer: how the bytes are encoded. charset: one that is declared, has one byte a letter and is Cyrillic, or NULL.
   is_plain: with LF lines, and said whether any letter is ODD. */
int text_read(struct text *t, const uint8_t *data, uint32_t size, int transfer, const struct charset *charset,
              int is_plain) {
    int64_t length = size;
    t->read.size = 0;
    if (transfer == BASE64)
        length = base64(t, data, size);
    else if (transfer == QUOTED_PRINTABLE)
        length = quoted_printable(t, data, size);
    if (length < 0 || length > t->most)
        return NOT_MINE;
    if (transfer != AS_IT_IS)
        data = t->bytes;
    size = (uint32_t)length;
    if (has_mark(data, size))
        return NOT_MINE;
    length = utf8(t->letters, data, size);
    if (length < NOT_MINE && charset)
        length = one_byte(t->letters, data, size, charset);
    if (length < 0)
        return NOT_MINE;
    t->read.size = (uint32_t)length;
    return is_plain ? with_plain_lines(t) : READ;
}

/* body._agrees: whether words of `plain`, its first letters, stand in what was read. */
int text_agrees(const struct text *t, const uint32_t *plain, uint32_t length) {
    struct span words[WORDS_FROM / SHORTEST_WORD + 1];
    const uint32_t *start = t->letters, *end = start + t->read.size, *last = start;
    uint32_t size = 0, step, sample, found = 0;
    if (length > WORDS_FROM)
        return NOT_MINE;
    for (uint32_t at = 0; at < length; at++) {
        const uint32_t begun = at;
        while (at < length && has(t->of_words, plain[at]))
            at++;
        if (at - begun >= SHORTEST_WORD)
            words[size++] = (struct span){begun, at - begun};
        if (at < length && plain[at] >= PLAIN && (plain[at] < FIRST_PICTURE || plain[at] > LAST_PICTURE))
            return NOT_MINE;
    }
    if (!size)
        return 0;
    step = size < SAMPLE ? 1 : size / SAMPLE;
    sample = (size + step - 1) / step < SAMPLE ? (size + step - 1) / step : SAMPLE;
    for (uint32_t i = 0; i < sample; i++) {
        const uint32_t *word = plain + words[i * step].start, wide = words[i * step].length;
        if (wide > LONGEST_WORD)
            return NOT_MINE;
        /* one after the other, as an honest mail has them, or anywhere */
        if (stands_in(word, wide, last, end, &last) || stands_in(word, wide, start, end, &last))
            found++;
    }
    return found * 4 >= sample * 3;
}
