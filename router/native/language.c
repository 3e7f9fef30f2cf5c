/* Which language a text is written in: the hot parts of message/language.py, which says why each step is there, in C.

   The same votes are added in the same order, so that the same doubles come out to the last bit. Text is UTF-32 in the
   machine's byte order. What Python's str methods say of a letter is asked of Python, once, for the code points below
   LETTERS and for general punctuation; a short list of ranges has nothing but signs. A text with any other code point,
   or with a letter whose small form is not one letter of the table, is Python's: PUNT.

   All buffers are as large as the longest text needs and are made once; nothing is asked for while a text is read. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    LETTERS = 0x530,       /* native_language.LETTERS */
    PUNCTUATION = 0x2000,  /* native_language.PUNCTUATION: first of so many */
    PUNCTUATIONS = 0x70,
    RANGES = 16,
    LANGUAGES = 64,
    LONGEST = 32,          /* letters of a listed word */
    PIECE_SLOTS = 4096,
    MOST_QUOTED = 400,     /* letters between the marks of _QUOTED */
    RIGHT_QUOTE = 0x2019,  /* ’ */
    MODIFIER_QUOTE = 0x2bc /* ʼ */
};
enum { /* what a code point is; native_language.FLAGS in this order */
    SPACE = 1,      /* str.isspace, which is \s */
    ALPHA = 2,      /* str.isalpha */
    PIECE = 4,      /* [^\W\d_] */
    EDGE = 8,       /* in _EDGES */
    MACHINE = 16,   /* in _MACHINE, or a full stop: within a word */
    JOINER = 32,    /* between the letters of a _WORD */
    SMALL = 64,     /* _ASCII_LETTER */
    CYRILLIC = 128, /* _CYRILLIC_LETTER */
    END = 256,      /* ends a segment before white space */
    WORD = 512,     /* \w */
    UNREAD = 1024   /* Python's */
};
enum { CYRILLIC_WORDS, LATIN_WORDS, CYRILLIC_LETTERS, LATIN_LETTERS, PIECES, TABLES }; /* in the order of native_language._tables */
enum { NO_MEMORY = -1, WRONG = -2, DONE = 0 };
enum { /* what `language_detect` says: a script with a language, or what Python has to do */
    IN_CYRILLIC = 0x100,
    IN_LATIN = 0x200,
    NOTHING = 0x300,
    OTHER = 0x400,
    PUNT = 0x500,
    UNDETERMINED = 0xff
};

struct alphabet {
    uint16_t flags[LETTERS], punctuation[PUNCTUATIONS];
    uint16_t lower[LETTERS], to_latin[LETTERS], to_cyrillic[LETTERS];
    uint32_t signs[RANGES][2]; /* first and last code points of ranges that have only signs */
    uint32_t ranges, most_characters, most_words, most_cyrillic_words;
    uint8_t plain[LETTERS]; /* of ASCII itself, in small letters; else the one it is when case is ignored, or 0 */
    uint8_t is_common[LANGUAGES];
    uint32_t russian, ukrainian, bulgarian;
};

/* A word, and where what it tells begins. */
struct entry {
    uint32_t start, length, first, count;
};

/* slots, open addressing: 0 is empty, else one more than the place in `entries`. */
struct table {
    struct entry *entries;
    uint16_t *letters, *slots;
    uint8_t *languages;
    double *weights;
    uint32_t size, mask, longest;
};

struct span {
    uint16_t start, length;
};

struct list {
    struct span *spans;
    uint32_t size;
};

struct language {
    struct alphabet alphabet;
    struct table tables[TABLES];
    uint8_t rows[TABLES][LETTERS]; /* of a table of letters: one more than the place of each */
    uint64_t pieces[PIECE_SLOTS];
    int8_t balances[PIECE_SLOTS];
    uint16_t *letters;
    uint32_t size, whole, capacity, list_capacity; /* whole: so many letters are those of the whole text */
    struct list cyrillic, latin, own_cyrillic, own_latin;
    uint32_t *own; /* of the text, what is a person's */
};

/* ------------------------------------------------------------------------------------------------------ letters */

static uint32_t kind_of(const struct language *l, uint32_t letter) {
    const struct alphabet *a = &l->alphabet;
    if (letter < LETTERS)
        return a->flags[letter];
    if (letter >= PUNCTUATION && letter < PUNCTUATION + PUNCTUATIONS)
        return a->punctuation[letter - PUNCTUATION];
    for (uint32_t i = 0; i < a->ranges; i++)
        if (letter >= a->signs[i][0] && letter <= a->signs[i][1])
            return 0;
    return UNREAD;
}

/* ------------------------------------------------------------------------------------------------------- tables */

static uint32_t hash_of(const uint16_t *word, uint32_t length) {
    uint32_t hash = length;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ word[i]) * 0x9E3779B1u;
    return hash ^ hash >> 15;
}

static const struct entry *find(const struct table *table, const uint16_t *word, uint32_t length) {
    if (length > table->longest || !table->slots)
        return NULL;
    for (uint32_t slot = hash_of(word, length) & table->mask; table->slots[slot]; slot = (slot + 1) & table->mask) {
        const struct entry *one = &table->entries[table->slots[slot] - 1];
        if (one->length == length && !memcmp(table->letters + one->start, word, length * sizeof *word))
            return one;
    }
    return NULL;
}

static uint32_t slot_of_piece(uint64_t piece) { return (uint32_t)(piece * 0x9E3779B97F4A7C15u >> 52); }

static int balance_of(const struct language *l, uint64_t piece) {
    uint32_t slot = slot_of_piece(piece);
    while (l->pieces[slot]) {
        if (l->pieces[slot] == piece)
            return l->balances[slot];
        slot = (slot + 1) & (PIECE_SLOTS - 1);
    }
    return 0;
}

/* -------------------------------------------------------------------------------------------------------- words */

static int put(struct language *l, struct list *list, uint32_t length) {
    if (list->size >= l->list_capacity)
        return 0;
    list->spans[list->size++] = (struct span){(uint16_t)l->size, (uint16_t)length};
    l->size += length;
    return 1;
}

/* A piece of a token, folded, to the list it belongs to. */
static int put_piece(struct language *l, const uint32_t *text, uint32_t length, struct list *cyrillic,
                     struct list *latin, uint32_t *other) {
    const struct alphabet *a = &l->alphabet;
    uint16_t *word = l->letters + l->size;
    uint32_t any = 0, kinds = 0, first;
    if (length > l->capacity - l->size)
        return 0;
    for (uint32_t i = 0; i < length; i++) {
        word[i] = text[i] < LETTERS ? a->lower[text[i]] : (uint16_t)text[i];
        any |= word[i];
        kinds |= word[i] < LETTERS ? a->flags[word[i]] : 0u;
    }
    first = word[0];
    if (any < 128)
        return put(l, latin, length);
    if (kinds & SMALL && kinds & CYRILLIC) { /* _of_two_scripts */
        any = 0;
        for (uint32_t i = 0; i < length; i++)
            any |= word[i] < LETTERS ? a->to_latin[word[i]] : word[i];
        for (uint32_t i = 0; i < length; i++)
            if (word[i] < LETTERS)
                word[i] = any < 128 ? a->to_latin[word[i]] : a->to_cyrillic[word[i]];
        return put(l, any < 128 ? latin : cyrillic, length);
    }
    if (a->flags[first < LETTERS ? first : 0] & CYRILLIC)
        return put(l, cyrillic, length);
    if (first <= 0x24f)
        return put(l, latin, length);
    ++*other;
    return 1;
}

/* _words, behind those that are there; 0 for what is Python's. */
static int words(struct language *l, const uint32_t *text, uint32_t length, struct list *cyrillic, struct list *latin,
                 uint32_t *other) {
    const uint32_t most_cyrillic = cyrillic->size + l->alphabet.most_cyrillic_words;
    const uint32_t most = latin->size + l->alphabet.most_words;
    *other = 0;
    for (uint32_t at = 0; at < length;) {
        uint32_t start, end, all = ~0u, any = 0, kind = kind_of(l, text[at]);
        if (kind & SPACE) {
            at++;
            continue;
        }
        for (start = at; at < length && !((kind = kind_of(l, text[at])) & SPACE); at++) {
            all &= kind;
            any |= kind;
        }
        if (any & UNREAD)
            return 0;
        end = at;
        if (!(all & ALPHA)) {
            while (start < end && kind_of(l, text[start]) & EDGE)
                start++;
            while (start < end && kind_of(l, text[end - 1]) & EDGE)
                end--;
            if (start == end)
                continue;
            all = ~0u;
            any = 0;
            for (uint32_t i = start; i < end; i++) {
                kind = kind_of(l, text[i]);
                all &= kind;
                any |= kind;
            }
        }
        if (all & ALPHA) {
            if (!put_piece(l, text + start, end - start, cyrillic, latin, other))
                return 0;
        } else if (any & MACHINE) {
            continue;
        } else { /* _WORD.findall */
            for (uint32_t i = start; i < end;) {
                const uint32_t begun = i;
                if (!(kind_of(l, text[i]) & PIECE)) {
                    i++;
                    continue;
                }
                while (i < end && (kind_of(l, text[i]) & PIECE ||
                                   (kind_of(l, text[i]) & JOINER && i + 1 < end && kind_of(l, text[i + 1]) & PIECE)))
                    i++;
                if (!put_piece(l, text + begun, i - begun, cyrillic, latin, other))
                    return 0;
            }
        }
        if (cyrillic->size >= most_cyrillic || latin->size + *other >= most)
            break;
    }
    return 1;
}

/* -------------------------------------------------------------------------------------------------------- votes */

struct leaders {
    uint32_t language; /* UNDETERMINED: no votes */
    double first, second;
};

/* _leaders: of equal votes, those of the first in the alphabet, as the numbers of languages are. */
static struct leaders leaders_of(const double *votes) {
    struct leaders found = {UNDETERMINED, 0.0, 0.0};
    for (uint32_t i = 0; i < LANGUAGES; i++) {
        if (votes[i] > found.first) {
            found.second = found.first;
            found.first = votes[i];
            found.language = i;
        } else if (votes[i] > found.second) {
            found.second = votes[i];
        }
    }
    return found;
}

static int is_common(const struct language *l, struct leaders leaders) {
    return leaders.language < LANGUAGES && l->alphabet.is_common[leaders.language];
}

static int is_clear(const struct language *l, const double *votes) {
    const struct leaders leaders = leaders_of(votes);
    return leaders.first >= 5.0 && leaders.second * 6.0 < leaders.first && is_common(l, leaders);
}

static uint32_t elected(const struct language *l, const double *votes, double needed) {
    const struct leaders leaders = leaders_of(votes);
    if (!is_common(l, leaders) && needed < 1.8)
        needed = 1.8;
    if (leaders.first < needed || leaders.first < leaders.second * 1.2)
        return UNDETERMINED;
    return leaders.language;
}

static void vote(const struct table *table, const struct entry *entry, double times, double *votes) {
    for (uint32_t i = entry->first; i < entry->first + entry->count; i++)
        votes[table->languages[i]] += table->weights[i] * times;
}

static void vote_by_letters(const struct language *l, const struct list *list, int which, double *votes) {
    const struct table *table = &l->tables[which];
    const uint8_t *rows = l->rows[which];
    uint32_t counts[256] = {0};
    for (uint32_t i = 0; i < list->size; i++) {
        const uint16_t *word = l->letters + list->spans[i].start;
        for (uint32_t j = 0; j < list->spans[i].length; j++)
            counts[word[j] < LETTERS ? rows[word[j]] : 0]++;
    }
    for (uint32_t i = 0; i < table->size; i++)
        if (counts[i + 1])
            vote(table, &table->entries[i], counts[i + 1], votes);
}

/* _HARD_SIGN */
static uint32_t hard_signs(const struct language *l, const struct list *list) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < list->size; i++) {
        const uint16_t *word = l->letters + list->spans[i].start;
        for (uint32_t j = 0; j + 1 < list->spans[i].length; j++) {
            const uint16_t next = word[j + 1];
            if (word[j] == 0x44a && next != 0x435 && next != 0x451 && next != 0x44e && next != 0x44f &&
                next != 0x438 && next != 0x456) { /* ъ; е ё ю я и і */
                found++;
                j++;
            }
        }
    }
    return found;
}

/* _without_spelled: the length of the shortest words that count; how many words that leaves. */
static uint32_t shortest_of(const struct list *list, uint32_t *left) {
    uint32_t longer = 0;
    for (uint32_t i = 0; i < list->size; i++)
        longer += list->spans[i].length > 1;
    const int spelled = (list->size - longer) * 3 > list->size;
    *left = spelled ? longer : list->size;
    return spelled ? 2 : 1;
}

/* _balance_of_pieces of a word that is written as its list writes it. Four letters fill one number. */
static int balance_of_pieces(const struct language *l, const uint16_t *word, uint32_t length) {
    uint64_t last = '_';
    int balance = 0;
    for (uint32_t i = 0; i <= length; i++) {
        last = last << 16 | (i < length ? word[i] : '_');
        balance += balance_of(l, last & 0xffffffffu);
        if (i >= 1)
            balance += balance_of(l, last & 0xffffffffffffu);
        if (i >= 2)
            balance += balance_of(l, last);
    }
    return balance;
}

/* As words are listed; in place, for a list is asked once. */
static void respell(struct language *l, const struct list *list) {
    for (uint32_t i = 0; i < list->size; i++) {
        uint16_t *word = l->letters + list->spans[i].start;
        for (uint32_t j = 0; j < list->spans[i].length; j++) {
            if (word[j] == RIGHT_QUOTE || word[j] == MODIFIER_QUOTE || word[j] == '`')
                word[j] = '\'';
            else if (word[j] == 0x451) /* ё */
                word[j] = 0x435;
        }
    }
}

static uint32_t of_cyrillic(struct language *l, const struct list *list) {
    const struct table *table = &l->tables[CYRILLIC_WORDS];
    double votes[LANGUAGES] = {0};
    uint32_t left, shortest, unlisted = 0;
    vote_by_letters(l, list, CYRILLIC_LETTERS, votes);
    votes[l->alphabet.bulgarian] += 1.5 * hard_signs(l, list);
    if (is_clear(l, votes))
        return elected(l, votes, 0.9);
    respell(l, list);
    shortest = shortest_of(list, &left);
    for (uint32_t i = 0; i < list->size; i++) {
        const struct span word = list->spans[i];
        const struct entry *entry;
        if (word.length < shortest)
            continue;
        if ((entry = find(table, l->letters + word.start, word.length)))
            vote(table, entry, 1.0, votes);
        else if (word.length > 3)
            list->spans[unlisted++] = word; /* never before one that is still to be read */
    }
    if (!is_clear(l, votes))
        for (uint32_t i = 0; i < unlisted; i++) {
            const struct span word = list->spans[i];
            const int balance = balance_of_pieces(l, l->letters + word.start, word.length);
            if (balance)
                votes[balance > 0 ? l->alphabet.russian : l->alphabet.ukrainian] +=
                    balance > 1 || balance < -1 ? 0.45 : 0.25;
        }
    return elected(l, votes, 0.9);
}

static uint32_t of_latin(const struct language *l, const struct list *list) {
    const struct table *table = &l->tables[LATIN_WORDS];
    double votes[LANGUAGES] = {0}, needed;
    uint32_t left, shortest = shortest_of(list, &left);
    vote_by_letters(l, list, LATIN_LETTERS, votes);
    for (uint32_t i = 0; i < list->size; i++) {
        const uint32_t length = list->spans[i].length;
        const uint16_t *word = l->letters + list->spans[i].start;
        uint16_t plain[LONGEST];
        const struct entry *entry;
        if (length < shortest || length > LONGEST)
            continue;
        for (uint32_t j = 0; j < length; j++)
            plain[j] = word[j] == RIGHT_QUOTE ? '\'' : word[j];
        if ((entry = find(table, plain, length)))
            vote(table, entry, 1.0, votes);
    }
    needed = left / 12.0;
    return elected(l, votes, needed > 0.9 ? needed : 0.9);
}

/* ------------------------------------------------------------------------------------------- what is not a person's */

/* Whether `ascii`, in small letters, stands there in any case. */
static int says(const struct language *l, const uint32_t *line, uint32_t length, uint32_t at, const char *ascii) {
    for (; *ascii; ascii++, at++)
        if (at >= length || line[at] >= LETTERS || l->alphabet.plain[line[at]] != (uint8_t)*ascii)
            return 0;
    return 1;
}

static int is_word(const struct language *l, const uint32_t *line, uint32_t length, uint32_t at) {
    return at < length && kind_of(l, line[at]) & WORD;
}

/* Whether one of the words stands there, with \b behind it. */
static int says_one(const struct language *l, const uint32_t *line, uint32_t length, uint32_t at,
                    const char *const *ascii) {
    for (; *ascii; ascii++)
        if (says(l, line, length, at, *ascii) && !is_word(l, line, length, at + (uint32_t)strlen(*ascii)))
            return 1;
    return 0;
}

static int is_digit(const uint32_t *line, uint32_t length, uint32_t at) {
    return at < length && line[at] >= '0' && line[at] <= '9';
}

/* [45]\d\d[ -], or with the blank only */
static int is_reply_code(const uint32_t *line, uint32_t length, uint32_t at, int with_dash) {
    return is_digit(line, length, at) && (line[at] == '4' || line[at] == '5') && is_digit(line, length, at + 1) &&
           is_digit(line, length, at + 2) && at + 3 < length && (line[at + 3] == ' ' || (with_dash && line[at + 3] == '-'));
}

/* _LOG_LINE. All letters of the line are of the alphabet. */
static int is_log(const struct language *l, const uint32_t *line, uint32_t length) {
    static const char *const FAILURES[] = {"error",  "warning", "notice",  "fatal",   "exception",
                                           "failed", "denied",  "refused", "timeout", NULL};
    static const char *const ANYWHERE[] = {"error", "exception", "warning", "fatal", "warn", "errno", "sqlstate", NULL};
    uint32_t start = 0, at, before = 0;
    while (start < length && kind_of(l, line[start]) & SPACE)
        start++;
    if (start == length)
        return 0;
    if (line[start] < 128 && strchr("[<({$#>", (int)line[start]) && line[start])
        return 1;
    for (at = start; is_digit(line, length, at);)
        at++;
    if (at > start && at - start <= 4 && at < length && line[at] >= '-' && line[at] <= ':' &&
        strchr("-./:", (int)line[at]) && is_digit(line, length, at + 1))
        return 1;
    if (is_reply_code(line, length, start, 1))
        return 1;
    if (says(l, line, length, start, "file \"") || says(l, line, length, start, "traceback") ||
        says(l, line, length, start, "caused by") || says_one(l, line, length, start, FAILURES))
        return 1;
    for (at = start; is_word(l, line, length, at);)
        at++;
    if (at > start && at < length && line[at] == ' ' && says_one(l, line, length, at + 1, FAILURES))
        return 1;
    if (says(l, line, length, start, "at ")) {
        for (at = start + 3; at < length && (is_word(l, line, length, at) || line[at] == '.' || line[at] == '$');)
            at++;
        if (at > start + 3 && at < length && line[at] == '(')
            return 1;
    }
    for (at = start; at < length; at++) {
        const uint32_t kind = kind_of(l, line[at]);
        if (kind & WORD && !(before & WORD) && line[at] < LETTERS) {
            const uint32_t plain = l->alphabet.plain[line[at]];
            if ((plain == 'e' || plain == 'w' || plain == 'f' || plain == 's') &&
                (says_one(l, line, length, at, ANYWHERE) ||
                 (says(l, line, length, at, "err_") && is_word(l, line, length, at + 4)) ||
                 (says(l, line, length, at, "e_") && is_word(l, line, length, at + 2))))
                return 1;
            if (is_reply_code(line, length, at, 0) && at + 6 < length && (line[at + 4] == '4' || line[at + 4] == '5') &&
                line[at + 5] == '.' && is_digit(line, length, at + 6))
                return 1;
        }
        before = kind;
    }
    return 0;
}

/* Where what _QUOTED finds at `at` ends, or 0. */
static uint32_t quote_end(const uint32_t *line, uint32_t length, uint32_t at) {
    uint32_t close, also;
    switch (line[at]) {
    case 0xab: /* « » */
        close = also = 0xbb;
        break;
    case 0x201c: /* “ ” */
        close = also = 0x201d;
        break;
    case 0x201e: /* „ “ or ” */
        close = 0x201c;
        also = 0x201d;
        break;
    case '"':
    case '`':
        close = also = line[at];
        break;
    default:
        return 0;
    }
    for (uint32_t end = at + 1; end < length && end <= at + 1 + MOST_QUOTED; end++)
        if (line[end] == close || line[end] == also)
            return end + 1;
    return 0;
}

/* The line with a blank for each quote, to `own`; its length there, never more than it was. */
static uint32_t without_quotes(const uint32_t *line, uint32_t length, uint32_t *own) {
    uint32_t size = 0;
    for (uint32_t at = 0; at < length;) {
        const uint32_t end = quote_end(line, length, at);
        own[size++] = end ? ' ' : line[at];
        at = end ? end : at + 1;
    }
    return size;
}

static int is_unread(const struct language *l, const uint32_t *text, uint32_t length) {
    uint32_t any = 0;
    for (uint32_t at = 0; at < length; at++)
        any |= kind_of(l, text[at]);
    return (any & UNREAD) != 0;
}

/* What a person says in a line: segments as _SEGMENT_END splits the line and a blank. */
static int own_of_line(struct language *l, const uint32_t *line, uint32_t length, int machine) {
    for (uint32_t start = 0, at = 0; start <= length;) {
        uint32_t cyrillic = l->own_cyrillic.size, latin = l->own_latin.size, other, end;
        for (;; at++) {
            while (at < length && !(kind_of(l, line[at]) & END))
                at++;
            end = at;
            while (at < length && kind_of(l, line[at]) & END)
                at++;
            if (at >= length || kind_of(l, line[at]) & SPACE)
                break;
        }
        if (!words(l, line + start, end - start, &l->own_cyrillic, &l->own_latin, &other))
            return 0;
        if (l->own_cyrillic.size - cyrillic >= l->own_latin.size - latin) {
            l->own_latin.size = latin;
        } else {
            l->own_cyrillic.size = cyrillic;
            if (machine)
                l->own_latin.size = latin;
        }
        start = ++at;
    }
    return 1;
}

static void forget_own(struct language *l) {
    l->own_cyrillic.size = l->own_latin.size = 0;
    l->size = l->whole;
}

/* _of_mixed */
static int of_mixed(struct language *l, const uint32_t *text, uint32_t length) {
    const struct list *cyrillic = &l->own_cyrillic, *latin = &l->own_latin;
    uint32_t spoken = 0;
    forget_own(l);
    for (uint32_t at = 0; at <= length; at++) {
        const uint32_t start = at;
        while (at < length && text[at] != '\n')
            at++;
        const uint32_t size = without_quotes(text + start, at - start, l->own);
        if (!own_of_line(l, l->own, size, is_log(l, l->own, size)))
            return PUNT;
    }
    if (!cyrillic->size && !latin->size) {
        cyrillic = &l->cyrillic;
        latin = &l->latin;
    }
    for (uint32_t i = 0; i < latin->size; i++)
        spoken += find(&l->tables[LATIN_WORDS], l->letters + latin->spans[i].start, latin->spans[i].length) != NULL;
    if (cyrillic->size && cyrillic->size * 2 >= spoken)
        return IN_CYRILLIC | (int)of_cyrillic(l, cyrillic);
    return IN_LATIN | (int)of_latin(l, latin->size ? latin : &l->latin);
}

/* _of_latin_text */
static int of_latin_text(struct language *l, const uint32_t *text, uint32_t length) {
    uint32_t size = 0, other, found = UNDETERMINED;
    for (uint32_t at = 0; at <= length; at++) {
        const uint32_t start = at;
        while (at < length && text[at] != '\n')
            at++;
        if (is_log(l, text + start, at - start))
            continue;
        size += without_quotes(text + start, at - start, l->own + size);
        if (at < length)
            l->own[size++] = '\n';
    }
    if (size == length) /* all of it */
        return IN_LATIN | (int)of_latin(l, &l->latin);
    forget_own(l);
    if (!words(l, l->own, size, &l->own_cyrillic, &l->own_latin, &other))
        return PUNT;
    if (l->own_latin.size >= 3)
        found = of_latin(l, &l->own_latin);
    return IN_LATIN | (int)(found != UNDETERMINED ? found : of_latin(l, &l->latin));
}

/* ---------------------------------------------------------------------------------------------- what Python calls */

void language_free(struct language *l) {
    if (!l)
        return;
    for (int i = 0; i < TABLES; i++) {
        free(l->tables[i].entries);
        free(l->tables[i].letters);
        free(l->tables[i].slots);
        free(l->tables[i].languages);
        free(l->tables[i].weights);
    }
    free(l->letters);
    free(l->own);
    free(l->cyrillic.spans);
    free(l->latin.spans);
    free(l->own_cyrillic.spans);
    free(l->own_latin.spans);
    free(l);
}

/* NULL: no memory, or numbers that do not fit. */
struct language *language_new(const struct alphabet *alphabet) {
    struct language *l;
    if (alphabet->ranges > RANGES || !alphabet->most_characters || alphabet->most_characters > UINT16_MAX / 2 ||
        alphabet->russian >= LANGUAGES || alphabet->ukrainian >= LANGUAGES || alphabet->bulgarian >= LANGUAGES ||
        !(l = calloc(1, sizeof *l)))
        return NULL;
    for (uint32_t i = 0; i < LETTERS; i++)
        if (alphabet->lower[i] >= LETTERS || alphabet->to_latin[i] >= LETTERS || alphabet->to_cyrillic[i] >= LETTERS) {
            free(l);
            return NULL;
        }
    l->alphabet = *alphabet;
    l->capacity = alphabet->most_characters * 2; /* the words of the text, and then a person's own */
    l->list_capacity = alphabet->most_characters;
    l->letters = calloc(l->capacity, sizeof *l->letters);
    l->own = calloc(alphabet->most_characters, sizeof *l->own);
    struct list *const all[] = {&l->cyrillic, &l->latin, &l->own_cyrillic, &l->own_latin};
    for (int i = 0; i < 4; i++)
        all[i]->spans = calloc(l->list_capacity, sizeof *all[i]->spans);
    if (!l->letters || !l->own || !l->cyrillic.spans || !l->latin.spans || !l->own_cyrillic.spans || !l->own_latin.spans) {
        language_free(l);
        return NULL;
    }
    return l;
}

/* The table `which`, once: words, each with a line end behind it; of each word how many languages it tells and which,
   and the weights. Letters are words of one letter; of pieces, the weight is 1 or -1. */
int language_table(struct language *l, uint32_t which, const uint32_t *text, uint32_t length, const uint8_t *counts,
                   const uint8_t *languages, const double *weights) {
    struct table *table = &l->tables[which < TABLES ? which : 0];
    uint32_t size = 0, told = 0, slots = 64;
    if (which >= TABLES || table->entries)
        return WRONG;
    for (uint32_t at = 0; at < length; at++)
        if (text[at] == '\n')
            told += counts[size++];
    if (!size || !told || size >= UINT16_MAX / 2 || (which == PIECES && size > PIECE_SLOTS / 2) ||
        (which == CYRILLIC_LETTERS && size > 255) || (which == LATIN_LETTERS && size > 255))
        return WRONG;
    while (slots < size * 4)
        slots *= 2;
    table->entries = calloc(size, sizeof *table->entries);
    table->letters = calloc(length, sizeof *table->letters);
    table->slots = calloc(slots, sizeof *table->slots);
    table->languages = calloc(told, sizeof *table->languages);
    table->weights = calloc(told, sizeof *table->weights);
    if (!table->entries || !table->letters || !table->slots || !table->languages || !table->weights)
        return NO_MEMORY;
    table->mask = slots - 1;
    for (uint32_t i = 0; i < told; i++) {
        if (languages[i] >= LANGUAGES)
            return WRONG;
        table->languages[i] = languages[i];
        table->weights[i] = weights[i];
    }
    told = 0;
    for (uint32_t at = 0, start = 0; at < length; at++) {
        struct entry *one = &table->entries[table->size];
        const uint16_t *word = table->letters + start;
        uint32_t slot;
        if (text[at] != '\n') {
            if (text[at] >= LETTERS)
                return WRONG;
            table->letters[at] = (uint16_t)text[at];
            continue;
        }
        *one = (struct entry){start, at - start, told, counts[table->size]};
        if (!one->length || one->length > LONGEST)
            return WRONG;
        table->size++;
        if (one->length > table->longest)
            table->longest = one->length;
        for (slot = hash_of(word, one->length) & table->mask; table->slots[slot];)
            slot = (slot + 1) & table->mask;
        table->slots[slot] = (uint16_t)table->size;
        if (which == CYRILLIC_LETTERS || which == LATIN_LETTERS)
            l->rows[which][word[0]] = (uint8_t)table->size;
        if (which == PIECES) {
            uint64_t piece = 0;
            for (uint32_t i = 0; i < one->length; i++)
                piece = piece << 16 | word[i];
            if (one->length < 2 || one->length > 4)
                return WRONG;
            for (slot = slot_of_piece(piece); l->pieces[slot];)
                slot = (slot + 1) & (PIECE_SLOTS - 1);
            l->pieces[slot] = piece;
            l->balances[slot] = weights[told] > 0 ? 1 : -1;
        }
        told += one->count;
        start = at + 1;
    }
    return DONE;
}

int language_detect(struct language *l, const uint32_t *text, uint32_t length) {
    uint32_t other;
    l->cyrillic.size = l->latin.size = l->size = 0;
    if (length > l->alphabet.most_characters || !words(l, text, length, &l->cyrillic, &l->latin, &other))
        return PUNT;
    l->whole = l->size;
    if (other > l->cyrillic.size + l->latin.size)
        return OTHER;
    if (l->cyrillic.size && l->latin.size * 3 <= l->cyrillic.size)
        return IN_CYRILLIC | (int)of_cyrillic(l, &l->cyrillic);
    if (!l->cyrillic.size && !l->latin.size)
        return NOTHING;
    if (is_unread(l, text, length))
        return PUNT;
    return l->cyrillic.size ? of_mixed(l, text, length) : of_latin_text(l, text, length);
}

/* For tests: whether a line is of a log; -1: Python's. */
int language_is_log(const struct language *l, const uint32_t *line, uint32_t length) {
    return is_unread(l, line, length) ? -1 : is_log(l, line, length);
}

/* For tests: a line without what it quotes, to `own`, which has room for it; its length. */
uint32_t language_without_quotes(const uint32_t *line, uint32_t length, uint32_t *own) {
    return without_quotes(line, length, own);
}

/* For tests: what a code point is, by FLAGS. */
uint32_t language_kind(const struct language *l, uint32_t letter) { return kind_of(l, letter); }
