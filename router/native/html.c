/* What a reader sees of an HTML text: the scanner of message/text.py, which says why each step is there, in C.

   Text is UTF-32 in the machine's byte order. Elements, character references and letters are taught by Python, once.
   Whether an element is hidden is Python's to say: C only tells attributes and style sheets that hide for certain
   nothing from those that might, stops there, and goes on with the answer. What it does not read: names of elements
   that have quotes or letters beyond ASCII, more than UNKNOWN names no table has, numbers of thousands of digits.

   All buffers are as large as the longest source needs and are made once; nothing is asked for while one is read. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONGEST_NAME = 61,    /* text._TAG */
    KNOWN = 256,          /* elements that Python may teach */
    UNKNOWN = 256,        /* other names of one source */
    SLOTS = 2048,
    REFERENCE_SLOTS = 8192,
    LONGEST_REFERENCE = 33,
    MOST_DIGITS = 4000,   /* text._HUGE_NUMBER */
    LOOSE_TAGS = 50,      /* text._MAX_LOOSE_TAGS */
    ATTRIBUTES = 8192,    /* text._Scanner._hides */
    STYLE = 32768,        /* text._Scanner._raw_element */
    QUOTES = 20,
    DROPPED_DEPTH = 64,   /* text._Scanner._hidden_by_style */
    HIDDEN = 0x8000       /* of an open element */
};
enum { /* what an element is; native_text.ELEMENTS in this order */
    VOID = 1,
    RAW = 2,
    DROPPED = 4,
    SPACED = 8,
    BLOCK = 16,
    BY_ITSELF = 32,
    CELL = 64,
    BREAK = 128,
    PARAGRAPH = 256,
    STYLE_SHEET = 512,
    QUOTE = 1024,
    PREFORMATTED = 2048
};
enum { NOT_MINE = -1, DONE = 0, ASK_ATTRIBUTES = 1, ASK_STYLE = 2 };
enum { START = -1 };

struct name {
    uint32_t hash, open;
    uint16_t flags, start;
    uint8_t length;
};

struct reference {
    uint32_t letters[2]; /* the second may be 0 */
    uint32_t start;
    uint8_t length;
};

/* What was found, and between two calls: which letters of the source are asked about. native_text._Shown */
struct shown {
    const uint32_t *text;
    uint32_t size, hid_text, full, odd, from, to;
};

struct html {
    struct shown shown;
    uint32_t most, most_text; /* letters of a source, of a text */
    /* what Python taught */
    uint8_t *ordinary; /* a bit for each code point below 0x10000 */
    uint32_t numbers[160];
    struct reference *references;
    uint8_t *reference_letters;
    uint16_t reference_slots[REFERENCE_SLOTS];
    uint32_t references_size;
    /* names: those of Python, then those of this source; slots hold one more than the place */
    struct name names[1 + KNOWN + UNKNOWN];
    uint8_t letters[(1 + KNOWN + UNKNOWN) * LONGEST_NAME];
    uint16_t slots[SLOTS], used[UNKNOWN];
    uint32_t known, size, letters_size, known_letters;
    /* this source */
    const uint32_t *source;
    uint32_t length, position, last_closing; /* last_closing: one more than its place */
    uint32_t depth, hidden, quotes, pre, selectors, loose, read, pending;
    int asked;
    uint16_t *stack;
    uint32_t *line, *words, *text;
    uint32_t line_size, ends, has_lines, last_has_words;
    int begun;
};

/* ------------------------------------------------------------------------------------------------------ letters */

/* str.isspace, which is \s */
static int is_space(uint32_t c) {
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

/* A letter of ASCII in its small form, as re.IGNORECASE finds it. */
static uint32_t small(uint32_t c) {
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c | 32 : c;
    return c == 0x130 || c == 0x131 ? 'i' : c == 0x17f ? 's' : c == 0x212a ? 'k' : c;
}

static int is_letter(uint32_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

static int is_digit(uint32_t c) { return c >= '0' && c <= '9'; }

/* Whether `word` stands at `at`, in any case. */
static int says(const uint32_t *at, const uint32_t *end, const char *word) {
    for (; *word; word++, at++)
        if (at >= end || small(*at) != (uint32_t)(unsigned char)*word)
            return 0;
    return 1;
}

static const uint32_t *after_space(const uint32_t *at, const uint32_t *end) {
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* -------------------------------------------------------------------------------------------- character references */

static uint32_t hashed(uint32_t hash, uint32_t letter) { return (hash ^ letter) * 0x9E3779B1u; }

static uint32_t slot_of(uint32_t hash, uint32_t slots) { return (hash ^ hash >> 15) & (slots - 1); }

static const struct reference *reference_of(const struct html *h, const uint32_t *name, uint32_t length,
                                            uint32_t hash) {
    for (uint32_t slot = slot_of(hash, REFERENCE_SLOTS); h->reference_slots[slot];
         slot = (slot + 1) & (REFERENCE_SLOTS - 1)) {
        const struct reference *one = &h->references[h->reference_slots[slot] - 1];
        const uint8_t *letters = h->reference_letters + one->start;
        uint32_t i = 0;
        if (one->length != length)
            continue;
        while (i < length && letters[i] == name[i])
            i++;
        if (i == length)
            return one;
    }
    return NULL;
}

/* html.unescape of what begins with "&": what is written to `out`, how far it goes. NULL: not mine. */
static const uint32_t *unescaped_one(const struct html *h, const uint32_t *at, const uint32_t *end, uint32_t **out) {
    const uint32_t *start = ++at;
    uint32_t hashes[LONGEST_REFERENCE + 1], length;
    if (at < end && *at == '#') {
        uint32_t number = 0;
        const uint32_t *digits = ++at;
        const int is_hex = at < end && (*at | 32) == 'x';
        if (is_hex)
            digits = ++at;
        for (; at < end; at++) {
            uint32_t digit;
            if (is_digit(*at))
                digit = *at - '0';
            else if (is_hex && (*at | 32) >= 'a' && (*at | 32) <= 'f')
                digit = (*at | 32) - 'a' + 10;
            else
                break;
            if (number <= 0x10ffff)
                number = number * (is_hex ? 16 : 10) + digit;
        }
        if (at == digits) { /* no number */
            *(*out)++ = '&';
            return start;
        }
        if (at - digits >= MOST_DIGITS)
            return NULL;
        if (at < end && *at == ';')
            at++;
        if (number < 160)
            number = h->numbers[number];
        else if ((number >= 0xd800 && number <= 0xdfff) || number > 0x10ffff)
            number = 0xfffd;
        else if ((number >= 0xfdd0 && number <= 0xfdef) || (number & 0xfffe) == 0xfffe)
            number = 0;
        if (number)
            *(*out)++ = number;
        return at;
    }
    hashes[0] = 0;
    for (length = 0; length < LONGEST_REFERENCE - 1 && at + length < end; length++) {
        const uint32_t c = at[length];
        if (c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' || c == ';')
            break;
        hashes[length + 1] = hashed(hashes[length], c);
    }
    if (length && at + length < end && at[length] == ';') {
        hashes[length + 1] = hashed(hashes[length], ';');
        length++;
    }
    for (; length > 1; length--) {
        const struct reference *one = reference_of(h, at, length, hashes[length]);
        if (one) {
            *(*out)++ = one->letters[0];
            if (one->letters[1])
                *(*out)++ = one->letters[1];
            return at + length;
        }
    }
    *(*out)++ = '&';
    return start;
}

/* --------------------------------------------------------------------------------------------------------- lines */

static void put(struct html *h, uint32_t c) {
    if (h->shown.size < h->most_text) {
        h->text[h->shown.size++] = c;
        if (c > 0xffff || !(h->ordinary[c >> 3] >> (c & 7) & 1))
            h->shown.odd = 1;
    }
}

/* A line of the text; line ends are written when something follows, and not before the first. */
static void add_line(struct html *h, const uint32_t *line, uint32_t length) {
    const uint32_t quotes = h->quotes < QUOTES ? h->quotes : QUOTES;
    const uint32_t *end = line + length, *word = line;
    while (word < end && (*word == '>' || *word == ' '))
        word++;
    h->last_has_words = word < end;
    if (h->has_lines)
        h->ends++;
    if (!quotes && !length)
        return;
    h->has_lines = 1;
    for (; h->ends && h->shown.size < h->most_text; h->ends--)
        put(h, '\n');
    h->ends = 0;
    for (uint32_t i = 0; i < quotes; i++) {
        put(h, '>');
        put(h, ' ');
    }
    for (; line < end; line++)
        put(h, *line);
}

static void end_line(struct html *h, int keep_blank) {
    uint32_t *line = h->line, size = h->line_size, kept = 0;
    if (!h->begun) {
        if (keep_blank)
            add_line(h, line, 0);
        return;
    }
    h->begun = 0;
    h->line_size = 0;
    if (!h->pre) {
        for (uint32_t i = 0; i < size; i++) {
            line[kept++] = line[i];
            if (line[i] == ' ' && i + 1 < size && line[i + 1] == ' ')
                i++;
        }
        size = kept;
        while (size && is_space(line[size - 1]))
            size--;
        while (size && is_space(*line)) {
            line++;
            size--;
        }
    }
    if (size || keep_blank)
        add_line(h, line, size);
}

static void blank_line(struct html *h) {
    end_line(h, 0);
    if (h->last_has_words)
        add_line(h, h->line, 0);
}

static void add(struct html *h, uint32_t c) {
    h->begun = 1;
    if (h->line_size < h->most) /* always: no line is longer than its source */
        h->line[h->line_size++] = c;
}

static void hidden_words(struct html *h, const uint32_t *text, const uint32_t *end) {
    if (h->shown.hid_text || after_space(text, end) == end)
        return;
    for (uint32_t i = h->depth > DROPPED_DEPTH ? h->depth - DROPPED_DEPTH : 0; i < h->depth; i++)
        if (h->names[h->stack[i] & ~HIDDEN].flags & DROPPED)
            return;
    h->shown.hid_text = 1;
}

/* What stands between two tags. */
static int words(struct html *h, const uint32_t *text, const uint32_t *end) {
    const uint32_t *at = text;
    if (h->hidden) {
        hidden_words(h, text, end);
        return DONE;
    }
    while (at < end && *at != '&')
        at++;
    if (at < end) {
        uint32_t *out = h->words;
        memcpy(out, text, (size_t)(at - text) * sizeof *text);
        out += at - text;
        while (at < end) {
            if (*at != '&')
                *out++ = *at++;
            else if (!(at = unescaped_one(h, at, end, &out)))
                return NOT_MINE;
        }
        text = h->words;
        end = out;
    }
    if (h->pre) {
        h->begun = 1;
        for (at = text; at < end; at++) {
            if (*at == '\r' || *at == '\n') {
                if (*at == '\r' && at + 1 < end && at[1] == '\n')
                    at++;
                end_line(h, 1);
                h->begun = 1;
            } else {
                add(h, *at);
            }
        }
    } else {
        at = after_space(text, end);
        if (at == end) {
            if (h->begun)
                add(h, ' ');
            return DONE;
        }
        if (at > text && h->begun)
            add(h, ' ');
        for (;;) {
            const uint32_t *word = at;
            uint32_t room = h->most - h->line_size, *line = h->line + h->line_size;
            while (at < end && !is_space(*at))
                at++;
            if (room > (uint32_t)(at - word))
                room = (uint32_t)(at - word);
            for (uint32_t i = 0; i < room; i++)
                line[i] = word[i];
            h->line_size += room;
            h->begun = 1;
            if (at == end)
                break;
            add(h, ' ');
            if ((at = after_space(at, end)) == end)
                break;
        }
    }
    h->read += (uint32_t)(end - text);
    h->shown.full = h->read > h->most_text;
    return DONE;
}

/* ------------------------------------------------------------------------------------------------------ elements */

static uint32_t pop(struct html *h) {
    const uint16_t top = h->stack[--h->depth];
    const uint32_t place = top & ~HIDDEN;
    struct name *name = &h->names[place];
    name->open--;
    if (name->flags & BLOCK)
        end_line(h, 0);
    h->hidden -= (top & HIDDEN) != 0;
    h->quotes -= (name->flags & QUOTE) != 0;
    h->pre -= (name->flags & PREFORMATTED) != 0;
    if (name->flags & SPACED)
        blank_line(h);
    return place;
}

static void push(struct html *h, uint32_t place, int hidden) {
    struct name *name = &h->names[place];
    h->stack[h->depth++] = (uint16_t)(place | (hidden ? HIDDEN : 0));
    name->open++;
    h->hidden += hidden != 0;
    h->quotes += (name->flags & QUOTE) != 0;
    h->pre += (name->flags & PREFORMATTED) != 0;
}

static void close_element(struct html *h, uint32_t place) {
    const struct name *name = &h->names[place];
    if (name->flags & BREAK)
        end_line(h, 0);
    if (!name->open) {
        if (name->flags & PARAGRAPH)
            blank_line(h);
        return;
    }
    while (pop(h) != place)
        ;
}

/* The place of a name, also of one that was not known before; 0: not mine. */
static uint32_t place_of(struct html *h, const uint32_t *name, uint32_t length) {
    uint32_t hash = length, slot;
    struct name *one;
    for (uint32_t i = 0; i < length; i++)
        hash = hashed(hash, small(name[i]));
    for (slot = slot_of(hash, SLOTS); h->slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
        const uint8_t *letters;
        uint32_t i = 0;
        one = &h->names[h->slots[slot]];
        if (one->hash != hash || one->length != length)
            continue;
        letters = h->letters + one->start;
        while (i < length && letters[i] == small(name[i]))
            i++;
        if (i == length)
            return h->slots[slot];
    }
    if (h->size >= h->known + UNKNOWN)
        return 0;
    one = &h->names[h->size];
    *one = (struct name){hash, 0, 0, (uint16_t)h->letters_size, (uint8_t)length};
    for (uint32_t i = 0; i < length; i++)
        h->letters[h->letters_size++] = (uint8_t)small(name[i]);
    h->used[h->size - h->known] = (uint16_t)slot;
    h->slots[slot] = (uint16_t)h->size;
    return h->size++;
}

/* ------------------------------------------------------------------------------------------------------- hiding */

/* Past zeros, a point and zeros behind it. */
static const uint32_t *after_zeros(const uint32_t *at, const uint32_t *end) {
    while (at < end && *at == '0')
        at++;
    if (at < end && *at == '.')
        for (at++; at < end && *at == '0';)
            at++;
    return at;
}

static int may_end(uint32_t c) { return c == ';' || c == '}' || c == '!'; }

/* What follows "font-size:". */
static int may_be_tiny(const uint32_t *at, const uint32_t *end) {
    at = after_zeros(at, end);
    if (at == end)
        return 1;
    if (*at == '1' && at + 1 < end) {
        const uint32_t *unit = at + 1;
        if (*unit == '.')
            for (unit++; unit < end && *unit == '0';)
                unit++;
        return says(unit, end, "px");
    }
    return !is_digit(*at) && (may_end(*at) || is_space(*at) || *at == '%' || says(at, end, "p") ||
                              says(at, end, "e") || says(at, end, "r"));
}

/* What follows "opacity:". */
static int may_be_zero(const uint32_t *at, const uint32_t *end) {
    at = after_zeros(at, end);
    return at == end || may_end(*at) || is_space(*at);
}

/* Past a colon with white space around it; NULL where there is none. */
static const uint32_t *after_colon(const uint32_t *at, const uint32_t *end) {
    at = after_space(at, end);
    return at < end && *at == ':' ? after_space(at + 1, end) : NULL;
}

/* 0: text._HIDING finds nothing there. */
static int may_hide(const uint32_t *start, const uint32_t *end) {
    int is_flat = 0, is_clipped = 0;
    for (const uint32_t *at = start; at < end; at++) {
        const uint32_t *value;
        switch (small(*at)) {
        case 'd':
            if (says(at, end, "display") && (value = after_colon(at + 7, end)) && says(value, end, "none"))
                return 1;
            break;
        case 'v':
            if (says(at, end, "visibility") && (value = after_colon(at + 10, end)) &&
                (says(value, end, "hidden") || says(value, end, "collapse")))
                return 1;
            break;
        case 'm':
            if (says(at, end, "mso-hide") && after_colon(at + 8, end))
                return 1;
            break;
        case 'f':
            if (says(at, end, "font-size") && (value = after_colon(at + 9, end)) && may_be_tiny(value, end))
                return 1;
            break;
        case 'o':
            if (says(at, end, "opacity") && (value = after_colon(at + 7, end)) && may_be_zero(value, end))
                return 1;
            is_clipped |= says(at, end, "overflow") && (value = after_colon(at + 8, end)) && says(value, end, "hidden");
            break;
        case 'c':
            if (says(at, end, "color") && (value = after_colon(at + 5, end)) && says(value, end, "transparent") &&
                !(at > start && (at[-1] == '-' || at[-1] == '_' || is_letter(at[-1]))))
                return 1;
            break;
        case 'h':
            is_flat |= says(at, end, "height") && (value = after_colon(at + 6, end)) && value < end && *value == '0';
            break;
        }
    }
    return is_flat && is_clipped;
}

/* Whether a style may have a character reference that matters: of a quotation mark none does. */
static int has_reference(const uint32_t *at, const uint32_t *end) {
    for (; at < end; at++)
        if (*at == '&' && !(end - at >= 6 && at[1] == 'q' && at[2] == 'u' && at[3] == 'o' && at[4] == 't' &&
                            at[5] == ';'))
            return 1;
    return 0;
}

/* 0: these attributes hide nothing. The pieces are those of text._ATTRIBUTE. */
static int attributes_may_hide(const struct html *h, const uint32_t *at, const uint32_t *end) {
    if (end - at > ATTRIBUTES)
        end = at + ATTRIBUTES;
    while (at < end) {
        const uint32_t *name = at, *value, *stop;
        uint32_t length = 0, quote;
        while (length < 40 && at < end && (is_letter(*at) || *at == '-')) {
            at++;
            length++;
        }
        if (!length) {
            at++;
            continue;
        }
        at = stop = after_space(at, end);
        value = at;
        if (at < end && *at == '=') {
            value = after_space(at + 1, end);
            if (value < end && (*value == '"' || *value == '\'')) {
                quote = *value++;
                for (stop = value; stop < end && *stop != quote;)
                    stop++;
                at = stop < end ? stop + 1 : end;
            } else {
                for (stop = value; stop < end && !is_space(*stop) && *stop != '"' && *stop != '\'' && *stop != '>';)
                    stop++;
                if (stop > value)
                    at = stop;
                else
                    stop = value = at;
            }
        }
        if (length == 6 && says(name, end, "hidden"))
            return 1;
        if (length == 5 && says(name, end, "style") && (has_reference(value, stop) || may_hide(value, stop)))
            return 1;
        if (h->selectors && ((length == 5 && says(name, end, "class")) || (length == 2 && says(name, end, "id"))))
            return 1;
    }
    return 0;
}

/* --------------------------------------------------------------------------------------------------------- scan */

static int ask(struct html *h, int about, const uint32_t *from, const uint32_t *to) {
    h->shown.from = (uint32_t)(from - h->source);
    h->shown.to = (uint32_t)(to - h->source);
    return h->asked = about;
}

static const uint32_t *found(const uint32_t *at, const uint32_t *end, uint32_t c) {
    while (at < end && *at != c)
        at++;
    return at;
}

/* Past the next ">"; the end where there is none. */
static const uint32_t *after_closing(const uint32_t *at, const uint32_t *end) {
    at = found(at, end, '>');
    return at < end ? at + 1 : end;
}

static const uint32_t *markup(const uint32_t *at, const uint32_t *end) {
    if (end - at < 4 || at[1] != '!' || at[2] != '-' || at[3] != '-')
        return after_closing(at, end);
    at += 4;
    if ((at < end && *at == '>') || (end - at >= 2 && *at == '-' && at[1] == '>'))
        return after_closing(at, end);
    for (; end - at >= 3; at++)
        if (*at == '-' && at[1] == '-' && at[2] == '>')
            return at + 3;
    return end;
}

/* Script, style and the like up to their end tag; `place`: of which, `start`: behind its start tag. */
static int raw_element(struct html *h, uint32_t place, const uint32_t *start) {
    const struct name *name = &h->names[place];
    const uint8_t *letters = h->letters + name->start;
    const uint32_t *end = h->source + h->length, *stop;
    for (stop = start; stop < end; stop++) {
        uint32_t i = 0, behind;
        if (*stop != '<' || end - stop < name->length + 3 || stop[1] != '/')
            continue;
        while (i < name->length && small(stop[2 + i]) == letters[i])
            i++;
        behind = stop[2 + i];
        if (i == name->length && (is_space(behind) || behind == '/' || behind == '>'))
            break;
    }
    h->position = (uint32_t)((stop < end ? after_closing(stop, end) : end) - h->source);
    if (!(name->flags & STYLE_SHEET))
        return DONE;
    if (stop - start > STYLE)
        stop = start + STYLE;
    return may_hide(start, stop) ? ask(h, ASK_STYLE, start, stop) : DONE;
}

static int start_element(struct html *h, uint32_t place, const uint32_t *from, const uint32_t *to) {
    const uint32_t flags = h->names[place].flags;
    if (h->depth) {
        const uint32_t top = h->stack[h->depth - 1] & ~HIDDEN;
        if ((h->names[top].flags & PARAGRAPH && flags & BLOCK) || (top == place && flags & BY_ITSELF))
            pop(h);
    }
    if (flags & BREAK) {
        end_line(h, 0);
        return DONE;
    }
    if (flags & BLOCK) {
        end_line(h, 0);
        if (flags & SPACED)
            blank_line(h);
    } else if (flags & CELL && h->begun) {
        add(h, ' ');
    }
    if (flags & VOID)
        return DONE;
    if (!(flags & DROPPED) && attributes_may_hide(h, from, to)) {
        h->pending = place;
        return ask(h, ASK_ATTRIBUTES, from, to);
    }
    push(h, place, flags & DROPPED);
    return DONE;
}

static int tag(struct html *h, const uint32_t *opening) {
    const uint32_t *end = h->source + h->length, *name = opening + 1, *from, *to;
    const int is_end = *name == '/';
    uint32_t place, length = 0, all = 0;
    int is_sane = h->loose < LOOSE_TAGS;
    name += is_end;
    while (length < LONGEST_NAME && name + length < end && !is_space(name[length]) && name[length] != '/' &&
           name[length] != '>') {
        all |= name[length];
        if (name[length] == '"' || name[length] == '\'')
            return NOT_MINE;
        length++;
    }
    if (all >= 0x80)
        return NOT_MINE;
    from = to = name + length;
    if (is_sane) {
        while (to < end && *to != '>') {
            if (*to == '"' || *to == '\'') {
                const uint32_t *closing = found(to + 1, end, *to);
                if (closing == end)
                    break;
                to = closing;
            }
            to++;
        }
        is_sane = to < end && *to == '>';
    }
    if (!is_sane) {
        h->loose++;
        to = found(from, end, '>');
        if (to == end) /* cannot be: a ">" comes after every "<" that gets here */
            return NOT_MINE;
    }
    h->position = (uint32_t)(to + 1 - h->source);
    if (!is_sane && to - from > 2000)
        to = from + 2000;
    if (!(place = place_of(h, name, length)))
        return NOT_MINE;
    if (is_end)
        close_element(h, place);
    else if (h->names[place].flags & RAW)
        return raw_element(h, place, h->source + h->position);
    else
        return start_element(h, place, from, to);
    return DONE;
}

static int go(struct html *h) {
    const uint32_t *source = h->source, *end = source + h->length;
    int said;
    while (h->position < h->length && !h->shown.full) {
        const uint32_t *at = source + h->position, *opening = found(at, end, '<');
        uint32_t following;
        if (opening == end || (uint32_t)(opening - source) >= h->last_closing) {
            if ((said = words(h, at, end)))
                return said;
            break;
        }
        if (opening > at && (said = words(h, at, opening)))
            return said;
        following = opening[1]; /* it is there: a ">" comes after */
        if (is_letter(following) || (following == '/' && end - opening > 2 && is_letter(opening[2]))) {
            if ((said = tag(h, opening)))
                return said;
        } else if (following == '!' || following == '?' || following == '/') {
            h->position = (uint32_t)(markup(opening, end) - source);
        } else {
            if ((said = words(h, opening, opening + 1)))
                return said;
            h->position = (uint32_t)(opening + 1 - source);
        }
    }
    end_line(h, 0);
    return DONE;
}

static void begin(struct html *h, const uint32_t *source, uint32_t length) {
    while (h->size > h->known)
        h->slots[h->used[--h->size - h->known]] = 0;
    for (uint32_t i = 0; i < h->known; i++)
        h->names[i].open = 0;
    h->letters_size = h->known_letters;
    h->source = source;
    h->length = h->last_closing = length;
    while (h->last_closing && source[h->last_closing - 1] != '>')
        h->last_closing--;
    h->position = h->depth = h->hidden = h->quotes = h->pre = h->selectors = h->loose = h->read = 0;
    h->line_size = h->ends = h->has_lines = h->last_has_words = 0;
    h->begun = 0;
    h->asked = DONE;
    h->shown = (struct shown){h->text, 0, 0, 0, 0, 0, 0};
}

/* --------------------------------------------------------------------------------------------------------- doors */

void html_free(struct html *h) {
    if (!h)
        return;
    free(h->ordinary);
    free(h->references);
    free(h->reference_letters);
    free(h->stack);
    free(h->line);
    free(h->words);
    free(h->text);
    free(h);
}

/* most, most_text: letters of a source and of what is shown. ordinary: a bit for each code point below 0x10000.
   numbers: what a reference by number gives, below 160. NULL: no memory, or numbers that do not fit. */
struct html *html_new(uint32_t most, uint32_t most_text, const uint8_t *ordinary, const uint32_t *numbers) {
    struct html *h;
    if (!most || !most_text || most > 1u << 24 || most_text > 1u << 24 || !(h = calloc(1, sizeof *h)))
        return NULL;
    h->most = most;
    h->most_text = most_text;
    h->ordinary = malloc(0x10000 / 8);
    h->stack = malloc((most / 3 + 1) * sizeof *h->stack);
    h->line = malloc(most * sizeof *h->line);
    h->words = malloc(most * sizeof *h->words);
    h->text = malloc(most_text * sizeof *h->text);
    if (!h->ordinary || !h->stack || !h->line || !h->words || !h->text) {
        html_free(h);
        return NULL;
    }
    memcpy(h->ordinary, ordinary, 0x10000 / 8);
    memcpy(h->numbers, numbers, sizeof h->numbers);
    h->known = h->size = 1; /* place 0: no name */
    return h;
}

/* An element and what it is. */
int html_element(struct html *h, const uint32_t *name, uint32_t length, uint32_t flags) {
    uint32_t place;
    if (h->known > KNOWN || h->size != h->known || !length || length > LONGEST_NAME)
        return NOT_MINE;
    place = place_of(h, name, length);
    if (place != h->known)
        return NOT_MINE;
    h->names[place].flags = (uint16_t)flags;
    h->known = h->size;
    h->known_letters = h->letters_size;
    return DONE;
}

/* All character references, once: names, each with a line end behind it, and two letters for each. */
int html_references(struct html *h, const uint32_t *names, uint32_t length, const uint32_t *meanings) {
    uint32_t size = 0;
    for (uint32_t i = 0; i < length; i++)
        size += names[i] == '\n';
    if (h->references || !size || size > REFERENCE_SLOTS / 2)
        return NOT_MINE;
    h->references = calloc(size, sizeof *h->references);
    h->reference_letters = calloc(length, 1);
    if (!h->references || !h->reference_letters)
        return NOT_MINE;
    for (uint32_t i = 0, start = 0, hash = 0; i < length; i++) {
        struct reference *one = &h->references[h->references_size];
        uint32_t slot;
        if (names[i] != '\n') {
            if (names[i] >= 0x80 || i - start >= LONGEST_REFERENCE)
                return NOT_MINE;
            h->reference_letters[i] = (uint8_t)names[i];
            hash = hashed(hash, names[i]);
            continue;
        }
        for (slot = slot_of(hash, REFERENCE_SLOTS); h->reference_slots[slot];)
            slot = (slot + 1) & (REFERENCE_SLOTS - 1);
        *one = (struct reference){{meanings[2 * h->references_size], meanings[2 * h->references_size + 1]},
                                  start, (uint8_t)(i - start)};
        h->reference_slots[slot] = (uint16_t)++h->references_size;
        start = i + 1;
        hash = 0;
    }
    return DONE;
}

/* Where `html_scan` tells what it found. */
const struct shown *html_shown(const struct html *h) { return &h->shown; }

/* answer: START, or what Python says to the last question: whether these attributes hide, whether any selector does.
   The source is to stay where it is until DONE or NOT_MINE. */
int html_scan(struct html *h, const uint32_t *source, uint32_t length, int answer) {
    const int asked = h->asked;
    h->asked = DONE;
    if (answer == START) {
        if (length > h->most)
            return NOT_MINE;
        begin(h, source, length);
    } else if (asked == ASK_ATTRIBUTES) {
        push(h, h->pending, answer);
    } else if (asked == ASK_STYLE) {
        h->selectors = answer != 0;
    } else {
        return NOT_MINE;
    }
    return go(h);
}

/* For tests: whether a letter is white space, and its small form. */
uint32_t html_letter(uint32_t letter) { return small(letter) | (is_space(letter) ? 1u << 31 : 0u); }
