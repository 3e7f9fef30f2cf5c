/* What a mail's words add up to: the sums of classify/memory.py, which says what each number means, in C.

   The same text gives the same sums, whatever was seen before; what was worked out for a token is remembered. Text is
   UTF-32 in the machine's byte order. A chunk of rare letters, of two scripts or with digits for letters is left to
   Python (`tokens_of`), which is asked once and teaches the answer. Every buffer grows with what is put into it.

   Numbers of tokens: 0 ends a sentence, then the marks, then the single letters, then whatever comes. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONCEPTS = 256,    /* features._CONCEPTS */
    PER_TOKEN = 3,     /* lexicon.PER_WORD */
    STEM = 5,          /* features.STEM */
    SHORTEST_STEM = 3, /* lexicon.SHORTEST_STEM */
    SHORTEST = 3,      /* features.SHORTEST */
    SPACED = 4,        /* tokens.SPACED_LETTERS */
    LONGEST_NGRAM = 5,
    PLAIN = 200,       /* letters of the longest word that is read here */
    MAX_COLUMNS = 64,
    AT_ONCE = 64,    /* tokens, or rows of a table, that are asked for together */
    WAITING = 4096, /* letters of these tokens */
    LINE = 8,        /* doubles of a cache line */
    SHAPE = 12,    /* features.SHAPE */
    LONG_MAIL = 4, /* ends, in features.shape_of */
};
/* features.MARKS, as bits; DIGITS are "=3" to "=6". */
enum { URL = 1, HOST = 2, MAIL = 4, HTTP = 8, DATE = 16, MONEY = 32, DIGITS = 0x3c0 };
enum { ASKS = 0x400, CALLS = 0x800, QUOTES = 0x1000 };
enum { DONE = 0, UNKNOWN = 1, SPACED_SUBJECT = 2, SPACED_TEXT = 4, NO_MEMORY = -1 }; /* what `prediction_sums` says */
enum { MAY_FORGET = 1, IS_CLOSE = 2 };                                               /* what it is told */

static const uint64_t PRIME = 1099511628211u, MIX = 0x9E3779B97F4A7C15u, PAIR = 0xC2B2AE3D27D4EB4Fu;
static const double TINY = 1e-300, USUAL_LENGTH = 3.5, HARDLY = 5.0, FARTHEST = 700.0;

/* rows: by bucket, the row of `numbers` (row 0 is zero). numbers: a row of `columns` floats for each feature kept. */
struct block {
    const int32_t *rows;
    const float *numbers;
};

/* most_*: so much is remembered before all is forgotten. */
struct tables {
    int64_t columns, hash_bits, most_tokens, most_chunks, most_letters;
    uint64_t seed;
    struct block chars, words, concepts, pairs, concept_pairs;
};

/* Classifiers (judging.Head). first, labels: the columns of each; mixed: whether its scores depend on `ours`, the place
   of the one that knows our trade, or -1. matrix: (2 * width + SHAPE, width), width one less than the tables' columns;
   bias, prior: a number for each column. */
struct heads {
    int64_t count, ours;
    const int64_t *first, *labels, *mixed;
    const double *matrix, *bias, *prior;
};

/* A string in `letters`, and what belongs to it: the number of a token, or the place of a list in `lists`. */
struct entry {
    uint64_t hash;
    uint32_t start, length;
    uint32_t value, count;
};

/* Open addressing; slots: 0 is empty, else one more than the place in `entries`. */
struct names {
    struct entry *entries;
    uint32_t *slots;
    uint32_t size, capacity, mask;
};

struct token {
    uint64_t stem;
    uint32_t concept, seen; /* seen: the last mail that had it */
};

struct prediction {
    struct tables tables;
    struct names tokens, others, lexicon;
    uint32_t *letters, *lists, *stream;
    uint32_t letters_size, letters_capacity, lists_size, lists_capacity, stream_size, stream_capacity;
    uint32_t fixed_letters, fixed_lists, marks, singles, longest_stem, mail;
    struct token *about;
    double *sums;
    uint32_t about_capacity, sums_capacity;
    int32_t *missing;
    uint32_t missing_size, missing_capacity;
};

/* ------------------------------------------------------------------------------------------------------- memory */

/* Room for `more` things of `each` bytes; 0 when there is none. */
static int room(void **things, uint32_t *capacity, uint64_t size, uint64_t more, size_t each) {
    uint64_t wanted = *capacity ? *capacity : 64;
    void *moved;
    if (size + more <= *capacity)
        return 1;
    while (wanted < size + more)
        wanted *= 2;
    if (wanted > UINT32_MAX || !(moved = realloc(*things, wanted * each)))
        return 0;
    *things = moved;
    *capacity = (uint32_t)wanted;
    return 1;
}

static uint64_t hashed(uint64_t hash, uint32_t letter) {
    hash = (hash ^ letter) * MIX;
    return hash ^ hash >> 32;
}

static uint64_t hash_of(const struct prediction *p, const uint32_t *string, uint32_t length) {
    uint64_t hash = p->tables.seed;
    for (uint32_t i = 0; i < length; i++)
        hash = hashed(hash, string[i]);
    return hash;
}

static struct entry *find(const struct prediction *p, const struct names *names, uint64_t hash, const uint32_t *string,
                          uint32_t length) {
    if (!names->size)
        return NULL;
    for (uint32_t slot = hash & names->mask; names->slots[slot]; slot = (slot + 1) & names->mask) {
        struct entry *one = &names->entries[names->slots[slot] - 1];
        if (one->hash == hash && one->length == length &&
            !memcmp(p->letters + one->start, string, (size_t)length * sizeof *string))
            return one;
    }
    return NULL;
}

static void enter(struct names *names, uint32_t place) {
    uint32_t slot = names->entries[place].hash & names->mask;
    while (names->slots[slot])
        slot = (slot + 1) & names->mask;
    names->slots[slot] = place + 1;
}

/* A new name; NULL when there is no memory. Invalidates what `find` gave. `string` is not in `letters`. */
static struct entry *add(struct prediction *p, struct names *names, uint64_t hash, const uint32_t *string,
                         uint32_t length) {
    struct entry *one;
    if (!room((void **)&p->letters, &p->letters_capacity, p->letters_size, length, sizeof *p->letters) ||
        !room((void **)&names->entries, &names->capacity, names->size, 1, sizeof *names->entries))
        return NULL;
    if (!names->slots || names->size + 1 > (names->mask + 1) / 2) {
        uint32_t slots = names->slots ? (names->mask + 1) * 2 : 128;
        uint32_t *fresh = slots ? calloc(slots, sizeof *fresh) : NULL;
        if (!fresh)
            return NULL;
        free(names->slots);
        names->slots = fresh;
        names->mask = slots - 1;
        for (uint32_t place = 0; place < names->size; place++)
            enter(names, place);
    }
    one = &names->entries[names->size];
    *one = (struct entry){hash, p->letters_size, length, 0, 0};
    if (length)
        memcpy(p->letters + p->letters_size, string, (size_t)length * sizeof *string);
    p->letters_size += length;
    enter(names, names->size++);
    return one;
}

/* Only the first `kept` names. */
static void forget(struct names *names, uint32_t kept) {
    if (!names->slots)
        return;
    memset(names->slots, 0, ((size_t)names->mask + 1) * sizeof *names->slots);
    names->size = kept;
    for (uint32_t place = 0; place < kept; place++)
        enter(names, place);
}

/* ------------------------------------------------------------------------------------------------------- tokens */

static uint32_t bucket(const struct prediction *p, uint64_t hash) {
    hash ^= hash >> 29;
    hash *= MIX;
    hash ^= hash >> 32;
    hash *= MIX;
    return (uint32_t)(hash >> (64 - p->tables.hash_bits));
}

/* Add rows `at[...]` of a block: all are asked for before the first is waited for, since hardly one is in a cache. */
static void plus(const struct prediction *p, double *sums, const struct block *block, const uint32_t *at,
                 uint32_t count) {
    const int64_t columns = p->tables.columns;
    const float *rows[AT_ONCE];
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        __builtin_prefetch(&block->rows[at[i]]);
    for (uint32_t i = 0; i < count; i++) {
        const int64_t row = block->rows[at[i]];
        rows[found] = block->numbers + row * columns;
        __builtin_prefetch(rows[found]);
        __builtin_prefetch(rows[found] + columns - 1);
        found += row != 0;
    }
    for (uint32_t i = 0; i < found; i++)
        for (int64_t column = 0; column < columns; column++)
            sums[column] += rows[i][column];
}

static void plus_one(const struct prediction *p, double *sums, const struct block *block, uint32_t at) {
    plus(p, sums, block, &at, 1);
}

/* Features of one token, as features.hashes_of has them. */
static void work_out(struct prediction *p, struct token *token, double *sums, const uint32_t *word, uint32_t length) {
    const int is_class = word[0] == '=';
    uint64_t whole = 0, stem = 0, power = PRIME;
    uint32_t grams[AT_ONCE], count = 0;
    for (uint32_t at = 0; at < length + 2; at++, power *= PRIME) {
        const uint64_t letter = at == 0 ? '<' : at == length + 1 ? '>' : word[at - 1];
        uint64_t gram = letter;
        whole += letter * power;
        if (at <= STEM)
            stem += letter * power;
        for (uint32_t n = 2; !is_class && n <= LONGEST_NGRAM && at + n <= length + 2; n++) {
            const uint32_t next = at + n - 1;
            gram = gram * PRIME + (next == length + 1 ? '>' : word[next - 1]);
            grams[count++] = bucket(p, gram + n);
        }
        if (count > AT_ONCE - LONGEST_NGRAM) {
            plus(p, sums, &p->tables.chars, grams, count);
            count = 0;
        }
    }
    plus(p, sums, &p->tables.chars, grams, count);
    grams[0] = bucket(p, whole + 77);
    grams[1] = bucket(p, stem + 78);
    plus(p, sums, &p->tables.words, grams, 2);
    token->stem = stem;
}

/* Lexicon.concepts: of the whole word, else of its longest stem. Stems are kept with a 0 before them. */
static void mean(struct prediction *p, struct token *token, double *sums, const uint32_t *word, uint32_t length) {
    struct entry *found = find(p, &p->lexicon, hash_of(p, word, length), word, length);
    if (!found && p->longest_stem >= SHORTEST_STEM) {
        uint64_t prefixes[PLAIN + 1];
        uint32_t stem[PLAIN + 1], longest = length < p->longest_stem ? length : p->longest_stem;
        stem[0] = 0;
        prefixes[0] = hashed(p->tables.seed, 0);
        for (uint32_t i = 1; i <= longest; i++) {
            stem[i] = word[i - 1];
            prefixes[i] = hashed(prefixes[i - 1], stem[i]);
        }
        for (uint32_t i = longest; !found && i >= SHORTEST_STEM; i--)
            found = find(p, &p->lexicon, prefixes[i], stem, i + 1);
    }
    if (!found)
        return;
    token->concept = p->lists[found->value];
    for (uint32_t i = 0; i < found->count; i++)
        plus_one(p, sums, &p->tables.concepts, p->lists[found->value + i]);
}

/* The number of a token, worked out if it is new; 0 when there is no memory, as no token has. */
static uint32_t number_of(struct prediction *p, uint64_t hash, const uint32_t *word, uint32_t length) {
    const uint32_t number = p->tokens.size + 1;
    struct entry *one = find(p, &p->tokens, hash, word, length);
    double *sums;
    if (one)
        return one->value;
    if (!room((void **)&p->about, &p->about_capacity, number, 1, sizeof *p->about) ||
        !room((void **)&p->sums, &p->sums_capacity, number, 1, (size_t)p->tables.columns * sizeof *p->sums) ||
        !(one = add(p, &p->tokens, hash, word, length)))
        return 0;
    one->value = number;
    sums = p->sums + (int64_t)number * p->tables.columns;
    memset(sums, 0, (size_t)p->tables.columns * sizeof *sums);
    p->about[number] = (struct token){0, 0, 0};
    work_out(p, &p->about[number], sums, word, length);
    mean(p, &p->about[number], sums, word, length);
    return number;
}

/* --------------------------------------------------------------------------------------------------------- words */

static const char *const CYRILLIC[32] = {
    "a", "b", "v", "g", "d", "e", "zh", "z", "i", "i", "k",  "l",  "m", "n", "o", "p",
    "r", "s", "t", "u", "f", "h", "ts", "ch", "sh", "sch", "", "i", "", "e", "iu", "ia"};

/* How a letter of a plain Cyrillic word is written in Latin ones; NULL for every other letter. */
static const char *as_latin(uint32_t letter) {
    if (letter >= 0x410 && letter <= 0x44f)
        return CYRILLIC[(letter - 0x410) & 31];
    switch (letter) {
    case 0x401: case 0x451: case 0x404: case 0x454: /* ё є */
        return "e";
    case 0x406: case 0x456: case 0x407: case 0x457: /* і ї */
        return "i";
    case 0x490: case 0x491: /* ґ */
        return "g";
    default:
        return NULL;
    }
}

static int is_latin(uint32_t letter) { return (letter | 32) >= 'a' && (letter | 32) <= 'z' && letter < 128; }

static uint32_t replaced(uint32_t *word, uint32_t length, const char *spelling, const char *plain) {
    const uint32_t long_one = (uint32_t)strlen(spelling), short_one = (uint32_t)strlen(plain);
    uint32_t to = 0;
    for (uint32_t at = 0; at < length;) {
        uint32_t same = 0;
        while (same < long_one && at + same < length && word[at + same] == (unsigned char)spelling[same])
            same++;
        if (same < long_one) {
            word[to++] = word[at++];
            continue;
        }
        for (uint32_t i = 0; i < short_one; i++)
            word[to++] = (unsigned char)plain[i];
        at += long_one;
    }
    return to;
}

/* normalise.plain_skeleton of lower-case Latin letters, in place: its new length. What is put for y, j and w takes part in
   no spelling, so that it can come first. */
static uint32_t skeleton(uint32_t *word, uint32_t length) {
    static const char *const SPELLINGS[][2] = {{"shch", "sch"}, {"shh", "sch"}, {"kh", "h"}, {"ck", "k"}};
    uint32_t to = 0, before = 0;
    int has_h = 0, has_k = 0;
    for (uint32_t i = 0; i < length; i++) {
        const uint32_t letter = word[i];
        has_h |= letter == 'h';
        has_k |= letter == 'k';
        word[i] = letter == 'y' || letter == 'j' ? 'i' : letter == 'w' ? 'v' : letter;
    }
    for (uint32_t i = 0; (has_h || has_k) && i < 4; i++)
        if (i < 3 ? has_h : has_k)
            length = replaced(word, length, SPELLINGS[i][0], SPELLINGS[i][1]);
    for (uint32_t i = 0; i < length; i++) {
        const uint32_t letter = word[i];
        const uint32_t sound =
            letter == 'c' && before != 's' && !(i + 1 < length && word[i + 1] == 'h') ? 'k' : letter;
        before = letter;
        if (!to || word[to - 1] != sound)
            word[to++] = sound;
    }
    return to;
}

static int is_digit(uint32_t letter) { return letter >= '0' && letter <= '9'; }

/* The class of a number without any mark inside, as tokens._number has it. */
static int plain_number(const uint32_t *chunk, uint32_t length, uint32_t *word, uint32_t *size) {
    static const uint32_t HTTP[] = {'=', 'h', 't', 't', 'p'};
    for (uint32_t i = 0; i < length; i++)
        if (!is_digit(chunk[i]))
            return 0;
    if (length == 3 && (chunk[0] == '4' || chunk[0] == '5')) {
        memcpy(word, HTTP, sizeof HTTP);
        *size = 5;
        return 1;
    }
    word[0] = '=';
    word[1] = '0' + (length < 6 ? length : 6);
    *size = 2;
    return 1;
}

/* tokens.plain_word and its skeleton, or a number, written to `word` (room for 3 * PLAIN): whether it is one. */
static int plain(const uint32_t *chunk, uint32_t length, uint32_t *word, uint32_t *size, int *ends) {
    const uint32_t last = length ? chunk[length - 1] : 0;
    uint32_t to = 0;
    *ends = last == '.' || last == '!' || last == '?' || last == ';';
    if (*ends || last == ',' || last == ':' || last == ')')
        length--;
    if (!length || length > PLAIN)
        return 0;
    if (is_latin(chunk[0])) {
        for (; to < length; to++) {
            if (!is_latin(chunk[to]))
                return 0;
            word[to] = chunk[to] | 32;
        }
        if (last == '.' && length == 3 && word[0] == 'w' && word[1] == 'w' && word[2] == 'w')
            return 0;
    } else if (is_digit(chunk[0])) {
        return plain_number(chunk, length, word, size);
    } else {
        for (uint32_t i = 0; i < length; i++) {
            const char *latin = as_latin(chunk[i]);
            if (!latin)
                return 0;
            while (*latin)
                word[to++] = (unsigned char)*latin++;
        }
    }
    *size = skeleton(word, to);
    return 1;
}

/* ------------------------------------------------------------------------- what is no plain word: tokens_of_other */

enum { CLEANED = 3 * PLAIN, LISTED = 8 * PLAIN }; /* letters that PLAIN of them can become, and their tokens */

/* Tokens as `prediction_teach` takes them, each behind a line end. */
struct list {
    uint32_t letters[LISTED], size;
};

static int is_letter(uint32_t letter) { return is_latin(letter) || letter == 0x2bc || as_latin(letter); }
static int is_in_word(uint32_t letter) { return is_digit(letter) || is_letter(letter); }
static int is_any(uint32_t letter, const char *of) { return letter && letter < 128 && strchr(of, (int)letter); }
static int is_mark(uint32_t letter) { return is_any(letter, ".!?;"); }
static int is_apostrophe(uint32_t letter) { return letter == 0x2019 || is_any(letter, "'`"); }
static int is_label(uint32_t letter) { return letter == '_' || letter == '-' || is_in_word(letter); }

static int begins(const uint32_t *text, uint32_t length, const char *with) {
    uint32_t at = 0;
    for (; with[at]; at++)
        if (at == length || text[at] != (unsigned char)with[at])
            return 0;
    return 1;
}

static int say(struct list *list, const uint32_t *word, uint32_t length) {
    if (list->size + length + 1 > LISTED)
        return 0;
    list->letters[list->size++] = '\n';
    for (uint32_t i = 0; i < length; i++)
        list->letters[list->size++] = word[i];
    return 1;
}

static int say_class(struct list *list, const char *name) {
    uint32_t word[8], length = 0;
    for (; name[length]; length++)
        word[length] = (unsigned char)name[length];
    return say(list, word, length);
}

/* normalise.clean; 0: a letter that is not known here. `cleaned` has room for CLEANED. */
static uint32_t clean(const uint32_t *chunk, uint32_t length, uint32_t *cleaned) {
    uint32_t to = 0;
    for (uint32_t i = 0; i < length; i++) {
        const uint32_t letter = chunk[i];
        if (letter < 128) {
            cleaned[to++] = letter >= 'A' && letter <= 'Z' ? letter | 32 : letter;
            continue;
        }
        switch (letter) {
        case 0x401: case 0x404: case 0x406: case 0x407: /* Ё Є І Ї */
            cleaned[to++] = letter + 0x50;
            break;
        case 0x490: /* Ґ */
            cleaned[to++] = 0x491;
            break;
        case 0x2026: /* … */
            cleaned[to++] = '.';
            cleaned[to++] = '.';
            cleaned[to++] = '.';
            break;
        case 0x2116: /* № */
            cleaned[to++] = 'n';
            cleaned[to++] = 'o';
            break;
        case 0xab: case 0xbb: case 0x201c: case 0x201d: case 0x201e: /* quotes */
        case 0xa3: case 0x20ac: case 0x20b4: case 0x20bd: /* money */
        case 0x2bc: case 0x2019: case 0x2013: case 0x2014: /* apostrophes, dashes */
            cleaned[to++] = letter;
            break;
        default:
            if (!as_latin(letter))
                return 0;
            cleaned[to++] = letter >= 0x410 && letter <= 0x42f ? letter + 32 : letter;
        }
    }
    return to;
}

/* Where the mail address that begins at `at` ends (tokens._MAIL); 0 for none, and `next` is where one may begin. */
static uint32_t mail_end(const uint32_t *text, uint32_t length, uint32_t at, uint32_t *next) {
    uint32_t sign = at, end = 0;
    if (begins(text + at, length - at, "<email>"))
        return at + 7;
    while (sign < length && !is_any(text[sign], "@<>"))
        sign++;
    *next = sign > at ? sign : at + 1;
    if (sign == at || sign == length || text[sign] != '@')
        return 0;
    for (uint32_t dot = sign + 1; dot < length && !is_any(text[dot], "@<>"); dot++)
        if (text[dot] == '.' && dot > sign + 1 && dot + 2 < length && is_letter(text[dot + 1]) &&
            is_letter(text[dot + 2]))
            end = dot + 1;
    while (end && end < length && is_letter(text[end]))
        end++;
    return end;
}

/* The length of the last part of a host's name that the text begins with; 0 for none. */
static uint32_t top_level(const uint32_t *text, uint32_t length) {
    static const char *const TOPS[] = {"example", "com", "net", "org", "info", "biz",    "ua",   "ru",   "eu",   "io",
                                       "uk",      "de",  "pl",  "kz",  "by",   "online", "shop", "site", "local"};
    static const uint32_t RF[] = {0x440, 0x444}, UKR[] = {0x443, 0x43a, 0x440};
    uint32_t size = 0;
    while (size < length && text[size] != '-' && is_label(text[size]))
        size++;
    if ((size == 2 && !memcmp(text, RF, sizeof RF)) || (size == 3 && !memcmp(text, UKR, sizeof UKR)))
        return size;
    for (uint32_t i = 0; size && i < sizeof TOPS / sizeof *TOPS; i++)
        if (text[0] == (unsigned char)TOPS[i][0] && size == strlen(TOPS[i]) && begins(text, size, TOPS[i]))
            return size;
    return 0;
}

/* As mail_end, of a host's name or a path (tokens._HOST). */
static uint32_t host_end(const uint32_t *text, uint32_t length, uint32_t at, uint32_t *next) {
    const int is_path = text[at] == '/';
    uint32_t here = at + (uint32_t)is_path, end = 0, top;
    for (;;) {
        const uint32_t start = here;
        while (here < length && (is_label(text[here]) || (is_path && text[here] == '.')))
            here++;
        if (here == start || here == length || text[here] != (is_path ? '/' : '.'))
            break;
        here++;
        if (is_path)
            end = here;
        else if ((top = top_level(text + here, length - here)))
            end = here + top;
    }
    *next = here > at && !is_path ? here : at + 1;
    return is_path && end ? here : end;
}

/* A space instead of each thing: whether there was one. */
static int cut_out(uint32_t *text, uint32_t *length,
                   uint32_t (*end_of)(const uint32_t *, uint32_t, uint32_t, uint32_t *)) {
    uint32_t to = 0;
    int found = 0;
    for (uint32_t at = 0, next = 0, end; at < *length;) {
        if ((end = end_of(text, *length, at, &next))) {
            found = 1;
            text[to++] = ' ';
            at = end;
        } else {
            while (at < next)
                text[to++] = text[at++];
        }
    }
    *length = to;
    return found;
}

/* normalise.skeleton. 0: of two scripts, or with digits for letters. */
static int say_skeleton(struct list *list, const uint32_t *text, uint32_t length) {
    uint32_t word[3 * CLEANED], to = 0, size;
    int has_latin = 0, has_cyrillic = 0;
    for (uint32_t i = 0; i < length; i++) {
        const char *latin = as_latin(text[i]);
        has_cyrillic |= latin != NULL;
        has_latin |= is_latin(text[i]);
        if (is_any(text[i], "013456@$*") && i && is_letter(text[i - 1])) {
            uint32_t end = i;
            while (end < length && is_any(text[end], "013456@$*"))
                end++;
            if (end < length && is_letter(text[end]))
                return 0;
        }
        if (latin)
            while (*latin)
                word[to++] = (unsigned char)*latin++;
        else if (!is_apostrophe(text[i]) && text[i] != 0x2bc && !is_any(text[i], "-.*"))
            word[to++] = text[i];
    }
    if (has_latin && has_cyrillic)
        return 0;
    size = skeleton(word, to);
    return !size || say(list, word, size);
}

/* tokens._words. */
static int say_words(struct list *list, const uint32_t *text, uint32_t length) {
    uint32_t start = 0, parts = 0, shortest = length;
    for (uint32_t at = 0; at <= length; at++)
        if (at == length || is_any(text[at], ".-")) {
            parts++;
            shortest = at - start < shortest ? at - start : shortest;
            start = at + 1;
        }
    if (parts == 1 || shortest <= 2)
        return say_skeleton(list, text, length);
    start = 0;
    for (uint32_t at = 0; at <= length; at++)
        if (at == length || is_any(text[at], ".-")) {
            if (!say_skeleton(list, text + start, at - start))
                return 0;
            start = at + 1;
        }
    return 1;
}

/* tokens._DATE: groups of digits, the marks between them. */
static int is_date(const uint32_t *text, uint32_t length) {
    uint32_t groups[3] = {0}, marks[3] = {0}, count = 0;
    for (uint32_t i = 0; i < length; i++) {
        if (is_digit(text[i])) {
            groups[count]++;
            continue;
        }
        marks[count++] = text[i];
        if (count == 3)
            return 0;
    }
    if (!count)
        return 0;
    if (marks[0] == ':')
        return groups[0] <= 2 && groups[1] == 2 && (count == 1 || (marks[1] == ':' && groups[2] == 2));
    return is_any(marks[0], "./-") && groups[0] <= 4 && groups[1] <= 2 &&
           (count == 1 || (is_any(marks[1], "./-") && groups[2] >= 2 && groups[2] <= 4));
}

/* tokens._number. */
static int say_number(struct list *list, const uint32_t *text, uint32_t length) {
    uint32_t word[8], size, digits = 0;
    if (is_date(text, length))
        return say_class(list, "=date");
    if (plain_number(text, length, word, &size))
        return say(list, word, size);
    for (uint32_t i = 0; i < length; i++)
        digits += is_digit(text[i]) != 0;
    word[0] = '=';
    word[1] = '0' + (digits < 6 ? digits : 6);
    return say(list, word, 2);
}

/* tokens._PIECE, one after the other. 0: not certain. */
static int say_pieces(struct list *list, const uint32_t *text, uint32_t length) {
    int loud = 0, sure = 1;
    for (uint32_t at = 0; sure && at < length;) {
        const uint32_t start = at, letter = text[at++];
        if (is_letter(letter)) {
            while (at < length && (is_in_word(text[at]) ||
                                   ((is_apostrophe(text[at]) || is_any(text[at], "*@$.-")) && at + 1 < length &&
                                    is_in_word(text[at + 1]))))
                at++;
            sure = say_words(list, text + start, at - start);
        } else if (is_digit(letter)) {
            while (at < length && (is_digit(text[at]) || (is_any(text[at], ".,:/-") && at + 1 < length &&
                                                          is_digit(text[at + 1]))))
                at++;
            sure = say_number(list, text + start, at - start);
        } else if (letter == '$' || letter == 0xa3 || letter == 0x20ac || letter == 0x20b4 || letter == 0x20bd) {
            sure = say_class(list, "=money");
        } else if ((letter == '!' || letter == '?') && at < length && text[at] == letter) {
            while (at < length && text[at] == letter)
                at++;
            loud = 1;
            sure = say_class(list, letter == '!' ? "=!" : "=?");
        } else if (is_mark(letter)) {
            sure = say(list, text, 0);
        } else if (letter == '"' || letter == 0xab || letter == 0xbb || (letter >= 0x201c && letter <= 0x201e)) {
            sure = say_class(list, "=q");
        }
    }
    return sure && (!loud || say(list, text, 0));
}

/* tokens.tokens_of_other of the letters that mails are mostly written in: whether it is certain of every token. Linear:
   each step goes through the chunk once or twice. */
static int other(const uint32_t *chunk, uint32_t length, struct list *list) {
    uint32_t text[CLEANED], size = length <= PLAIN ? clean(chunk, length, text) : 0;
    int signs = 0, dots = 0;
    list->size = 0;
    if (!size)
        return 0;
    if (begins(text, size, "https://") || begins(text, size, "http://") || begins(text, size, "ftp://") ||
        begins(text, size, "www."))
        return say_class(list, "=url") && (!is_mark(text[size - 1]) || say(list, text, 0));
    for (uint32_t i = 0; i < size; i++)
        signs |= text[i] == '@';
    if (signs && cut_out(text, &size, mail_end) && !say_class(list, "=mail"))
        return 0;
    for (uint32_t i = 0; i < size; i++)
        dots |= text[i] == '.' || text[i] == '/';
    if (dots && cut_out(text, &size, host_end) && !say_class(list, "=host"))
        return 0;
    return say_pieces(list, text, size);
}

static int put(struct prediction *p, uint32_t number) {
    if (!number && (!p->stream_size || !p->stream[p->stream_size - 1]))
        return 1; /* an end is never the first and never follows another */
    if (!room((void **)&p->stream, &p->stream_capacity, p->stream_size, 1, sizeof *p->stream))
        return 0;
    p->stream[p->stream_size++] = number;
    return 1;
}

static int is_space(uint32_t letter) {
    if (letter < 0x85)
        return letter == ' ' || (letter >= 9 && letter <= 13) || (letter >= 0x1c && letter <= 0x1f);
    if (letter < 0x1680)
        return letter == 0x85 || letter == 0xa0;
    return letter == 0x1680 || (letter >= 0x2000 && letter <= 0x200a) || letter == 0x2028 || letter == 0x2029 ||
           letter == 0x202f || letter == 0x205f || letter == 0x3000;
}

/* Tokens that wait to be looked up together: length 0 ends a sentence. run: single letters in a row before them. */
struct batch {
    struct {
        uint64_t hash;
        uint32_t start, length;
    } tokens[AT_ONCE];
    uint32_t letters[WAITING], count, used, run;
};

static int put_number(struct prediction *p, struct batch *batch, uint32_t number, int *spaced) {
    batch->run = number > p->marks && number <= p->marks + p->singles ? batch->run + 1 : 0;
    *spaced |= batch->run >= SPACED;
    return put(p, number);
}

/* Look up all that waits. Between two mails the caches are lost, and what belongs to a token lies in five places, of
   which each tells where the next one is: so each place of all tokens is asked for before the next of any is. */
static int look_up(struct prediction *p, struct batch *batch, int *spaced) {
    const struct names *names = &p->tokens;
    const size_t columns = (size_t)p->tables.columns;
    for (uint32_t i = 0; names->size && i < batch->count; i++) {
        const uint32_t number = batch->tokens[i].length ? names->slots[batch->tokens[i].hash & names->mask] : 0;
        if (!number)
            continue;
        __builtin_prefetch(&names->entries[number - 1]);
        __builtin_prefetch(&p->about[number]);
        for (size_t at = 0; at < columns; at += LINE)
            __builtin_prefetch(&p->sums[number * columns + at]);
        __builtin_prefetch(&p->sums[number * columns + columns - 1]);
    }
    for (uint32_t i = 0; names->size && i < batch->count; i++) {
        const uint32_t number = batch->tokens[i].length ? names->slots[batch->tokens[i].hash & names->mask] : 0;
        if (number)
            __builtin_prefetch(&p->letters[names->entries[number - 1].start]);
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        const uint32_t length = batch->tokens[i].length;
        uint32_t number = 0;
        if (length && !(number = number_of(p, batch->tokens[i].hash, batch->letters + batch->tokens[i].start, length)))
            return 0;
        if (!put_number(p, batch, number, spaced))
            return 0;
    }
    batch->count = batch->used = 0;
    return 1;
}

static int put_word(struct prediction *p, struct batch *batch, const uint32_t *word, uint32_t length, int *spaced) {
    if ((batch->count == AT_ONCE || batch->used + length > WAITING) && !look_up(p, batch, spaced))
        return 0;
    const uint64_t hash = hash_of(p, word, length);
    if (length && p->tokens.size)
        __builtin_prefetch(&p->tokens.slots[hash & p->tokens.mask]);
    batch->tokens[batch->count].hash = hash;
    batch->tokens[batch->count].start = batch->used;
    batch->tokens[batch->count++].length = length;
    for (uint32_t i = 0; i < length; i++)
        batch->letters[batch->used++] = word[i];
    return 1;
}

static int put_list(struct prediction *p, struct batch *batch, const struct list *list, int *spaced) {
    for (uint32_t at = 0; at < list->size;) {
        const uint32_t start = ++at; /* past the line end */
        while (at < list->size && list->letters[at] != '\n')
            at++;
        if (!put_word(p, batch, list->letters + start, at - start, spaced))
            return 0;
    }
    return 1;
}

/* The tokens of a text behind those that are there. What is unknown is noted with `base` added to where it stands. */
static int read(struct prediction *p, const uint32_t *text, uint32_t length, uint32_t base, int *spaced) {
    struct list list;
    struct batch batch;
    batch.count = batch.used = batch.run = 0;
    for (uint32_t at = 0; at <= length;) {
        uint32_t start = at, word[3 * PLAIN], size;
        int ends;
        if (at == length || text[at] == '\n') {
            if (!put_word(p, &batch, text, 0, spaced))
                return 0;
            at++;
            continue;
        }
        if (is_space(text[at])) {
            at++;
            continue;
        }
        while (at < length && !is_space(text[at]))
            at++;
        if (plain(text + start, at - start, word, &size, &ends)) {
            if (size && !put_word(p, &batch, word, size, spaced))
                return 0;
            if (ends && !put_word(p, &batch, text, 0, spaced))
                return 0;
            continue;
        }
        if (other(text + start, at - start, &list)) {
            if (!put_list(p, &batch, &list, spaced))
                return 0;
            continue;
        }
        const struct entry *known =
            find(p, &p->others, hash_of(p, text + start, at - start), text + start, at - start);
        if (!known) {
            if (!room((void **)&p->missing, &p->missing_capacity, p->missing_size, 2, sizeof *p->missing))
                return 0;
            p->missing[p->missing_size++] = (int32_t)(base + start);
            p->missing[p->missing_size++] = (int32_t)(at - start);
            continue;
        }
        if (!look_up(p, &batch, spaced))
            return 0;
        for (uint32_t i = 0; i < known->count; i++)
            if (!put_number(p, &batch, p->lists[known->value + i], spaced))
                return 0;
    }
    return look_up(p, &batch, spaced);
}

/* ---------------------------------------------------------------------------------------------------------- sums */

struct sums {
    double sentence[MAX_COLUMNS], mail[MAX_COLUMNS];
};

static void plus_both(const struct prediction *p, struct sums *sums, const struct block *block, uint32_t at) {
    plus_one(p, sums->sentence, block, at);
    plus_one(p, sums->mail, block, at);
}

/* What the square of its length is in the last column of. */
static double length_of(const struct prediction *p, const double *sums) {
    const double square = sums[p->tables.columns - 1];
    return sqrt(square > TINY ? square : TINY);
}

/* A token and its place: in a sentence each counts, in the mail every token once. */
static void add_token(struct prediction *p, struct sums *sums, uint32_t number, int32_t pair) {
    const int64_t columns = p->tables.columns;
    const double *own = p->sums + number * columns;
    struct token *token = &p->about[number];
    for (int64_t i = 0; i < columns; i++)
        sums->sentence[i] += own[i];
    if (token->seen != p->mail)
        for (int64_t i = 0; i < columns; i++)
            sums->mail[i] += own[i];
    token->seen = p->mail;
    if (pair) {
        const float *row = p->tables.pairs.numbers + (int64_t)pair * columns;
        for (int64_t i = 0; i < columns; i++)
            sums->sentence[i] += row[i];
        for (int64_t i = 0; i < columns; i++)
            sums->mail[i] += row[i];
    }
}

/* The row of each place's pair with the one before, 0 for none, for AT_ONCE places of the stream from `start`; asked for
   as in `plus`. */
static void pairs_of(const struct prediction *p, uint32_t start, int32_t *pairs) {
    const int64_t columns = p->tables.columns;
    const uint32_t count = p->stream_size - start < AT_ONCE ? p->stream_size - start : AT_ONCE;
    const struct block *block = &p->tables.pairs;
    uint32_t buckets[AT_ONCE];
    uint64_t before = start && p->stream[start - 1] ? p->about[p->stream[start - 1]].stem : 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t number = p->stream[start + i];
        const uint64_t stem = number ? p->about[number].stem : 0;
        pairs[i] = stem && before;
        if (pairs[i]) {
            buckets[i] = bucket(p, before * PAIR + stem);
            __builtin_prefetch(&block->rows[buckets[i]]);
        }
        before = stem;
    }
    for (uint32_t i = 0; i < count; i++)
        if (pairs[i] && (pairs[i] = block->rows[buckets[i]])) {
            const float *row = block->numbers + (int64_t)pairs[i] * columns;
            __builtin_prefetch(row);
            __builtin_prefetch(row + columns - 1);
        }
}

/* features.shape_of: words are tokens but ends; marks has a bit for each of features.MARKS. */
static void shape_of(double *shape, uint32_t words, uint32_t ends, uint32_t marks) {
    static const uint32_t BITS[] = {URL | HOST, HTTP, MAIL, DATE, MONEY, ASKS, CALLS, QUOTES, DIGITS};
    shape[0] = log1p(words) - USUAL_LENGTH;
    shape[1] = shape[0] * shape[0];
    for (uint32_t i = 0; i < sizeof BITS / sizeof *BITS; i++)
        shape[2 + i] = (marks & BITS[i]) != 0;
    shape[SHAPE - 1] = ends > LONG_MAIL;
}

/* whole, peak: columns - 1 numbers each. */
static void add_up(struct prediction *p, double *whole, double *peak, double *shape) {
    const int64_t columns = p->tables.columns;
    struct sums sums = {{0}, {0}};
    int32_t pairs[AT_ONCE];
    uint32_t begun = 0, near = 0, far = 0, ends = 0, marks = 0;
    for (int64_t i = 0; i < columns - 1; i++)
        whole[i] = peak[i] = 0.0;
    p->mail++;
    for (uint32_t at = 0; at < p->stream_size; at++) {
        const uint32_t number = p->stream[at], concept = number ? p->about[number].concept : 0;
        if (at % AT_ONCE == 0)
            pairs_of(p, at, pairs);
        ends += !number;
        if (number && number <= p->marks)
            marks |= (uint32_t)1 << (number - 1);
        if (number)
            add_token(p, &sums, number, pairs[at % AT_ONCE]);
        else
            near = far = 0;
        if (concept) {
            if (near)
                plus_both(p, &sums, &p->tables.concept_pairs, near * CONCEPTS + concept);
            if (far)
                plus_both(p, &sums, &p->tables.concept_pairs, far * CONCEPTS + concept);
            far = near;
            near = concept;
        }
        if ((!number && at - begun >= SHORTEST) || at + 1 == p->stream_size) {
            const double length = length_of(p, sums.sentence);
            for (int64_t i = 0; i < columns - 1; i++) {
                const double sum = sums.sentence[i] / length;
                peak[i] = !begun || sum > peak[i] ? sum : peak[i];
            }
            memset(sums.sentence, 0, sizeof sums.sentence);
            begun = at + 1;
        }
    }
    for (int64_t i = 0; i < columns - 1; i++)
        whole[i] = sums.mail[i] / length_of(p, sums.mail);
    shape_of(shape, p->stream_size - ends, ends, marks);
}

/* judging.judge_one: probabilities by column from a vector of 2 * width + SHAPE sums. */
static void judge(const struct heads *heads, int64_t width, const double *vector, double *scores) {
    double share;
    for (int64_t i = 0; i < width; i++)
        scores[i] = heads->bias[i];
    for (int64_t row = 0; row < 2 * width + SHAPE; row++)
        for (int64_t i = 0; vector[row] != 0.0 && i < width; i++)
            scores[i] += vector[row] * heads->matrix[row * width + i];
    for (int64_t one = 0; one < heads->count; one++) {
        double *of = scores + heads->first[one], top = of[0], total = 0.0;
        const int64_t labels = heads->labels[one];
        if (labels == 1) {
            const double logit = of[0] < -FARTHEST ? -FARTHEST : of[0] > FARTHEST ? FARTHEST : of[0];
            of[0] = 1.0 / (1.0 + exp(-logit));
            continue;
        }
        for (int64_t i = 1; i < labels; i++)
            top = of[i] > top ? of[i] : top;
        for (int64_t i = 0; i < labels; i++)
            total += of[i] = exp(of[i] - top);
        for (int64_t i = 0; i < labels; i++)
            of[i] /= total;
    }
    if (heads->ours < 0)
        return;
    share = scores[heads->first[heads->ours]];
    for (int64_t one = 0; one < heads->count; one++) {
        const int64_t first = heads->first[one], labels = heads->labels[one];
        const double mine = labels > 1 ? share : share * HARDLY < 1.0 ? share * HARDLY : 1.0;
        for (int64_t i = first; heads->mixed[one] && i < first + labels; i++)
            scores[i] = heads->prior[i] + mine * (scores[i] - heads->prior[i]);
    }
}

/* ----------------------------------------------------------------------------------------------- what Python calls */

void prediction_free(struct prediction *p) {
    if (!p)
        return;
    struct names *all[] = {&p->tokens, &p->others, &p->lexicon};
    for (int i = 0; i < 3; i++) {
        free(all[i]->entries);
        free(all[i]->slots);
    }
    free(p->letters);
    free(p->lists);
    free(p->stream);
    free(p->about);
    free(p->sums);
    free(p->missing);
    free(p);
}

/* The tables stay where they are and outlive what is made. NULL: no memory, or too many columns. */
struct prediction *prediction_new(const struct tables *tables) {
    struct prediction *p;
    if (tables->columns < 1 || tables->columns > MAX_COLUMNS || !(p = calloc(1, sizeof *p)))
        return NULL;
    p->tables = *tables;
    return p;
}

/* A word of the lexicon; a stem has a 0 before it. All of them before the first token. */
int prediction_mean(struct prediction *p, const uint32_t *word, uint32_t length, const uint32_t *concepts,
                    uint32_t count) {
    struct entry *one;
    if (!length || !count || count > PER_TOKEN || length > PLAIN + 1)
        return DONE;
    if (!room((void **)&p->lists, &p->lists_capacity, p->lists_size, count, sizeof *p->lists) ||
        !(one = add(p, &p->lexicon, hash_of(p, word, length), word, length)))
        return NO_MEMORY;
    one->value = p->lists_size;
    one->count = count;
    memcpy(p->lists + p->lists_size, concepts, count * sizeof *concepts);
    p->lists_size += count;
    if (!word[0] && length - 1 > p->longest_stem)
        p->longest_stem = length - 1;
    return DONE;
}

/* Tokens, each behind a line end, put into the stream: a list that is to be remembered, or the fixed ones. */
static int listed(struct prediction *p, const uint32_t *tokens, uint32_t length, uint32_t *count) {
    *count = 0;
    for (uint32_t at = 0; at < length;) {
        const uint32_t start = ++at; /* past the line end */
        uint32_t number = 0;
        while (at < length && tokens[at] != '\n')
            at++;
        if (at > start && !(number = number_of(p, hash_of(p, tokens + start, at - start), tokens + start, at - start)))
            return 0;
        if (!room((void **)&p->lists, &p->lists_capacity, p->lists_size, (uint64_t)*count + 1, sizeof *p->lists))
            return 0;
        p->lists[p->lists_size + (*count)++] = number;
    }
    return 1;
}

/* The marks and then the single letters, which are never forgotten; behind the lexicon, before all other tokens. */
int prediction_fix(struct prediction *p, const uint32_t *tokens, uint32_t length, uint32_t marks) {
    uint32_t count;
    if (!listed(p, tokens, length, &count))
        return NO_MEMORY;
    p->marks = marks;
    p->singles = p->tokens.size - marks;
    p->fixed_letters = p->letters_size;
    p->fixed_lists = p->lists_size;
    return DONE;
}

/* What `tokens_of` gives for a chunk, each token behind a line end, an empty one for the end of a sentence. */
int prediction_teach(struct prediction *p, const uint32_t *chunk, uint32_t length, const uint32_t *tokens,
                     uint32_t tokens_length) {
    const uint64_t hash = hash_of(p, chunk, length);
    struct entry *one;
    uint32_t count;
    if (find(p, &p->others, hash, chunk, length))
        return DONE;
    if (!listed(p, tokens, tokens_length, &count) || !(one = add(p, &p->others, hash, chunk, length)))
        return NO_MEMORY;
    one->value = p->lists_size;
    one->count = count;
    p->lists_size += count;
    return DONE;
}

/* All but what is fixed, when there is too much. */
static void forget_some(struct prediction *p) {
    const struct tables *most = &p->tables;
    if (p->tokens.size <= most->most_tokens && p->others.size <= most->most_chunks &&
        p->letters_size - p->fixed_letters <= most->most_letters &&
        p->lists_size - p->fixed_lists <= most->most_letters)
        return;
    forget(&p->tokens, p->marks + p->singles);
    forget(&p->others, 0);
    p->letters_size = p->fixed_letters;
    p->lists_size = p->fixed_lists;
}

/* The sums of a mail, and DONE: found is whole, peak (columns - 1 numbers each) and shape (SHAPE); if `heads` are given,
   their columns - 1 scores behind that. letters: of the subject, then of the text. UNKNOWN: `prediction_missing` gives
   the start and length of each chunk that is to be taught, counted from the first of `letters`. SPACED_…: that part has
   SPACED single letters in a row; not asked when IS_CLOSE. */
int prediction_sums(struct prediction *p, const uint32_t *letters, uint32_t subject, uint32_t text, int flags,
                    double *found, const struct heads *heads) {
    const int64_t width = p->tables.columns - 1;
    int spaced[2] = {0, 0};
    if (flags & MAY_FORGET)
        forget_some(p);
    p->stream_size = p->missing_size = 0;
    if (!read(p, letters, subject, 0, &spaced[0]) || !read(p, letters + subject, text, subject, &spaced[1]))
        return NO_MEMORY;
    if (p->missing_size)
        return UNKNOWN;
    if (!(flags & IS_CLOSE) && (spaced[0] || spaced[1]))
        return (spaced[0] ? SPACED_SUBJECT : 0) | (spaced[1] ? SPACED_TEXT : 0);
    add_up(p, found, found + width, found + 2 * width);
    if (heads)
        judge(heads, width, found, found + 2 * width + SHAPE);
    return DONE;
}

/* Tokens and chunks. */
uint32_t prediction_remembered(const struct prediction *p) { return p->tokens.size + p->others.size; }

/* The tokens of a chunk that is no plain word, each behind a line end, where they are certain here: how many letters were
   written to `tokens` (room for 8 * PLAIN); -1 where they are not. */
int prediction_other(const uint32_t *chunk, uint32_t length, uint32_t *tokens) {
    struct list list;
    if (!other(chunk, length, &list))
        return -1;
    memcpy(tokens, list.letters, list.size * sizeof *tokens);
    return (int)list.size;
}

const int32_t *prediction_missing(const struct prediction *p, uint32_t *size) {
    *size = p->missing_size;
    return p->missing;
}
