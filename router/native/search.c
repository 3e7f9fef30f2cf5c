/* Which phrases a text has, and which literals of expressions: rules/text.py, phrases.py and expressions.py, which say
   why each step is there, in C and in one pass.

   Text is UTF-32 in the machine's byte order. What a letter is and becomes is asked of Python, once, for some pages of
   code points (native_search.PAGES); a text with any other letter, or with one that melts with its neighbours, is
   Python's: PYTHON. Every phrase has a literal that begins where a word begins, so that from each word one walk down a
   tree of all literals finds those that stand there; literals of expressions may stand anywhere.

   A book does not change once it is made, and any number of searchers may read it at a time; a searcher is for one
   thread. Time is linear in the text, but for the length of the longest literal. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGES = 0x200,      /* of 256 code points each: up to U+1FFFF */
    LETTER = 0x1fffff,  /* what a letter becomes; of EXPANDS, where that begins in `expansions` */
    ROOTS = 0x530,      /* letters whose place below the root is told by a table */
    MAX_BETWEEN = 5,    /* phrases.MAX_BETWEEN */
    TRIPLES = 1 << 15,  /* bits for the first three letters of literals */
    FEW = 8,            /* branches up to which looking at one after the other is the quick way */
    MUCH = 1 << 16,     /* letters from which on room is given back */
    HEAD = 4,           /* numbers that an answer begins with */
    RECORD = 5          /* numbers of a phrase in an answer */
};
enum { /* what a letter is after normalising, as native_search.py names it */
    KNOWN = 1 << 21,
    WORD = 1 << 22,    /* letters and digits; marks are Python's */
    JOINER = 1 << 23,  /* belongs to a word between two of its letters */
    SPACE = 1 << 24,   /* str.isspace, which is \s */
    END = 1 << 25,     /* ends a sentence before white space */
    CLOSING = 1 << 26, /* may stand between the two */
    EXPANDS = 1 << 27, /* becomes several letters */
    REMOVED = 1 << 28  /* becomes nothing */
};
enum { DONE = 0, PYTHON = 1, UNFINISHED = 2, NO_MEMORY = -1 };
enum { PHRASES = 1, EXPRESSIONS = 2 };

struct alphabet {
    uint8_t page_of[PAGES]; /* 0: unknown */
    uint32_t *letters, *expansions; /* expansions: how many letters, and they */
};

struct span {
    uint32_t start, length;
};

/* A place down the tree to which a label leads. First `length` letters have to follow, those at `start`, for nothing
   branches off between them. literal: one more than the number of what ends behind them, or 0. children: the first of
   `count` nodes in the order of their labels. mask: which labels there may be, by BIT. */
struct node {
    uint64_t mask;
    uint32_t start, length, literal, children, count;
};
#define BIT(letter) ((uint64_t)1 << ((letter) & 63))

struct tree {
    struct span *literals;
    uint32_t *letters, *labels;
    struct node *nodes;
    uint32_t roots[ROOTS];
    uint64_t seconds[ROOTS]; /* what may follow a letter with which a literal begins: all, where it is one itself */
    uint64_t shorts[ROOTS];  /* the same, of literals of one letter or two */
    uint64_t triples[TRIPLES / 64]; /* by which three letters the others begin */
    uint32_t size, count;           /* of nodes, of literals */
};

/* Of a literal: where in `wholes` the phrases begin that it is the whole of, and in `partials` those with more words. */
struct use {
    uint32_t whole, wholes, partial, partials;
};

struct whole {
    uint32_t number, last;
};

struct partial {
    uint32_t number, first, last, guard;
};

/* A word of a phrase. */
struct part {
    uint32_t start, length;
    uint8_t open, gap;
};

struct book {
    const struct alphabet *alphabet;
    struct tree phrases, expressions;
    struct use *uses;
    struct whole *wholes;
    struct partial *partials;
    struct span *words; /* of each phrase, in `parts` */
    struct part *parts;
    uint32_t *letters;
    uint32_t size, most_words, check_every;
};

/* start, end: in the normalised letters. from, to: in the original. joined: where the space before it is in
   Text.joined. */
struct word {
    uint32_t start, end, from, to, joined;
    uint8_t sentence; /* whether one ends behind it, once that was looked at: NO or YES */
};
enum { NO = 1, YES };

struct present {
    uint32_t literal, word;
    uint8_t state; /* once it was looked at: OPEN or CLOSED */
};
enum { OPEN = 1, CLOSED };

struct hit {
    uint32_t literal, word;
};

struct found {
    uint32_t number, first, last, end, start, sequence;
};

struct searcher {
    const struct book *book;
    uint32_t *letters, *places, *other_places, *answer;
    struct word *words;
    struct present *present;
    struct hit *hits;
    struct found *found;
    uint32_t *place_of, *found_at, *seen, *seen_at; /* of sets: where in the list each member is, if it is */
    uint32_t size, capacity, word_size, word_capacity, hit_size, hit_capacity, present_size, found_size, seen_size;
    uint32_t hit, partial, looked;
    int has_removed, is_open, is_resumed;
};

/* -------------------------------------------------------------------------------------------------------- letters */

static uint32_t kind_of(const struct alphabet *a, uint32_t letter) {
    return letter >> 8 < PAGES ? a->letters[(uint32_t)a->page_of[letter >> 8] << 8 | (letter & 0xff)] : 0;
}

void search_alphabet_free(struct alphabet *a) {
    if (!a)
        return;
    free(a->letters);
    free(a->expansions);
    free(a);
}

/* letters: 256 of each page. NULL: no memory, or numbers that do not fit. */
struct alphabet *search_alphabet(const uint32_t *pages, uint32_t count, const uint32_t *letters,
                                 const uint32_t *expansions, uint32_t expanded) {
    struct alphabet *a;
    if (count > UINT8_MAX || !(a = calloc(1, sizeof *a)))
        return NULL;
    a->letters = calloc((size_t)(count + 1) * 256, sizeof *a->letters);
    a->expansions = calloc((size_t)expanded + 1, sizeof *a->expansions);
    if (!a->letters || !a->expansions) {
        search_alphabet_free(a);
        return NULL;
    }
    memcpy(a->letters + 256, letters, (size_t)count * 256 * sizeof *letters);
    memcpy(a->expansions, expansions, (size_t)expanded * sizeof *expansions);
    for (uint32_t i = 0; i < count; i++) {
        if (pages[i] >= PAGES) {
            search_alphabet_free(a);
            return NULL;
        }
        a->page_of[pages[i]] = (uint8_t)(i + 1);
    }
    for (uint32_t i = 256; i < (count + 1) * 256; i++) {
        const uint32_t at = a->letters[i] & LETTER;
        if (a->letters[i] & EXPANDS && (at >= expanded || a->expansions[at] > expanded - at - 1)) {
            search_alphabet_free(a);
            return NULL;
        }
    }
    return a;
}

/* For tests: what a code point is and becomes. */
uint32_t search_kind(const struct alphabet *a, uint32_t letter) { return kind_of(a, letter); }

/* ----------------------------------------------------------------------------------------------------------- trees */

static int is_before(const uint32_t *one, uint32_t length, const uint32_t *other, uint32_t other_length) {
    for (uint32_t i = 0; i < length && i < other_length; i++)
        if (one[i] != other[i])
            return one[i] < other[i];
    return length < other_length;
}

/* Where `triples` has three letters. */
static uint32_t triple_of(uint32_t first, uint32_t second, uint32_t third) {
    return (first * 0x9E3779B1u ^ second * 0x85EBCA6Bu ^ third * 0xC2B2AE35u) >> 17;
}

static void free_tree(struct tree *tree) {
    free(tree->literals);
    free(tree->letters);
    free(tree->labels);
    free(tree->nodes);
}

/* The literals in the order of their letters, `order`: their numbers. 0: no memory, or not in that order. */
static int plant(struct tree *tree, const uint32_t *letters, uint32_t length, const uint32_t *lengths,
                 const uint32_t *order, uint32_t count) {
    struct range {
        uint32_t low, high, depth;
    } *ranges;
    const size_t most = (size_t)length + 1;
    uint32_t start = 0;
    tree->literals = calloc((size_t)count + 1, sizeof *tree->literals);
    tree->letters = calloc(most, sizeof *tree->letters);
    tree->labels = calloc(most, sizeof *tree->labels);
    tree->nodes = calloc(most, sizeof *tree->nodes);
    struct span *const sorted = calloc((size_t)count + 1, sizeof *sorted);
    ranges = calloc(most, sizeof *ranges);
    tree->count = count;
    int well = tree->literals && tree->letters && tree->labels && tree->nodes && sorted && ranges;
    if (well)
        memcpy(tree->letters, letters, (size_t)length * sizeof *letters);
    for (uint32_t i = 0; well && i < count; i++) {
        if (!lengths[i] || lengths[i] > length - start || order[i] >= count) {
            well = 0;
            break;
        }
        sorted[i] = (struct span){start, lengths[i]};
        tree->literals[order[i]] = sorted[i];
        start += lengths[i];
        const uint32_t *const literal = letters + sorted[i].start;
        if (lengths[i] > 2) {
            const uint32_t triple = triple_of(literal[0], literal[1], literal[2]);
            tree->triples[triple >> 6] |= BIT(triple);
        } else if (literal[0] < ROOTS) {
            tree->shorts[literal[0]] |= lengths[i] == 1 ? UINT64_MAX : BIT(literal[1]);
        }
        well = !i || is_before(letters + sorted[i - 1].start, sorted[i - 1].length, letters + sorted[i].start,
                               sorted[i].length);
    }
    if (well) {
        ranges[0] = (struct range){0, count, 0};
        tree->size = 1;
    }
    for (uint32_t n = 0; well && n < tree->size; n++) {
        struct node *const node = &tree->nodes[n];
        const struct range range = ranges[n];
        const struct span first = sorted[range.low], last = sorted[n ? range.high - 1 : range.low];
        uint32_t i = range.low, depth = range.depth;
        if (n) {
            while (depth < first.length && depth < last.length &&
                   letters[first.start + depth] == letters[last.start + depth])
                depth++;
            node->start = first.start + range.depth;
            node->length = depth - range.depth;
            if (first.length == depth)
                node->literal = order[i++] + 1;
        }
        node->children = tree->size;
        while (i < range.high) {
            const uint32_t low = i, label = letters[sorted[i].start + depth];
            while (i < range.high && letters[sorted[i].start + depth] == label)
                i++;
            if (!n && label < ROOTS)
                tree->roots[label] = tree->size;
            tree->labels[tree->size] = label;
            ranges[tree->size++] = (struct range){low, i, depth + 1};
            node->mask |= BIT(label);
            node->count++;
        }
    }
    for (uint32_t letter = 0; well && letter < ROOTS; letter++)
        if (tree->roots[letter]) {
            const struct node *const root = &tree->nodes[tree->roots[letter]];
            tree->seconds[letter] = root->length    ? BIT(tree->letters[root->start])
                                    : root->literal ? UINT64_MAX
                                                    : root->mask;
        }
    free(sorted);
    free(ranges);
    return well;
}

static const struct node *child(const struct tree *tree, const struct node *node, uint32_t letter) {
    uint32_t low = node->children, high = low + node->count;
    if (!(node->mask & BIT(letter)))
        return NULL;
    if (node->count > FEW)
        while (high - low > 1) {
            const uint32_t middle = low + (high - low) / 2;
            if (tree->labels[middle] <= letter)
                low = middle;
            else
                high = middle;
        }
    for (; low < high; low++)
        if (tree->labels[low] == letter)
            return &tree->nodes[low];
    return NULL;
}

/* Whether a literal may begin with the three. */
static int may_begin_with(const struct tree *tree, uint32_t first, uint32_t second, uint32_t third) {
    const uint32_t triple = triple_of(first, second, third);
    return tree->triples[triple >> 6] & BIT(triple) || first >= ROOTS || tree->shorts[first] & BIT(second);
}

/* Whether a literal may begin with the two. */
static int may_begin(const struct tree *tree, uint32_t first, uint32_t second) {
    return first >= ROOTS || tree->seconds[first] & BIT(second);
}

static const struct node *root_of(const struct tree *tree, uint32_t letter) {
    if (letter < ROOTS)
        return tree->roots[letter] ? &tree->nodes[tree->roots[letter]] : NULL;
    return child(tree, &tree->nodes[0], letter);
}

/* ----------------------------------------------------------------------------------------------------------- books */

void search_book_free(struct book *b) {
    if (!b)
        return;
    free_tree(&b->phrases);
    free_tree(&b->expressions);
    free(b->uses);
    free(b->wholes);
    free(b->partials);
    free(b->words);
    free(b->parts);
    free(b->letters);
    free(b);
}

/* What Python knows of the phrases and of the literals of expressions. The letters of each list of words stand one
   after the other without anything between them. */
struct written {
    const uint32_t *letters, *lengths, *order; /* literals in the order of their letters, and their numbers */
    uint32_t length, count;
};
struct told {
    struct written phrases, expressions;
    const uint32_t *wholes, *partials; /* of each literal: how many */
    const uint32_t *whole, *partial;   /* number, last; number, first, last, guard */
    const uint32_t *words;             /* of each phrase: how many */
    const uint32_t *letters, *lengths; /* of all words of all phrases */
    const uint8_t *open, *gap;
    uint32_t length, count, size, check_every; /* letters, words, phrases; places between two looks at the clock */
};

/* NULL: no memory, or numbers that do not fit. */
struct book *search_book(const struct alphabet *alphabet, const struct told *told) {
    const uint32_t literals = told->phrases.count;
    uint32_t wholes = 0, partials = 0, words = 0, start = 0;
    struct book *const b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->alphabet = alphabet;
    b->size = told->size;
    b->check_every = told->check_every ? told->check_every : 1;
    int well = plant(&b->phrases, told->phrases.letters, told->phrases.length, told->phrases.lengths,
                     told->phrases.order, literals) &&
               plant(&b->expressions, told->expressions.letters, told->expressions.length, told->expressions.lengths,
                     told->expressions.order, told->expressions.count);
    for (uint32_t i = 0; i < literals; i++) {
        wholes += told->wholes[i];
        partials += told->partials[i];
    }
    b->uses = calloc((size_t)literals + 1, sizeof *b->uses);
    b->wholes = calloc((size_t)wholes + 1, sizeof *b->wholes);
    b->partials = calloc((size_t)partials + 1, sizeof *b->partials);
    b->words = calloc((size_t)told->size + 1, sizeof *b->words);
    b->parts = calloc((size_t)told->count + 1, sizeof *b->parts);
    b->letters = calloc((size_t)told->length + 1, sizeof *b->letters);
    well = well && b->uses && b->wholes && b->partials && b->words && b->parts && b->letters;
    if (!well) {
        search_book_free(b);
        return NULL;
    }
    memcpy(b->letters, told->letters, (size_t)told->length * sizeof *b->letters);
    for (uint32_t i = 0; well && i < told->count; i++) {
        b->parts[i] = (struct part){start, told->lengths[i], told->open[i], told->gap[i]};
        well = told->lengths[i] <= told->length - start;
        start += told->lengths[i];
    }
    for (uint32_t i = 0; well && i < told->size; i++) {
        b->words[i] = (struct span){words, told->words[i]};
        well = told->words[i] <= told->count - words;
        words += told->words[i];
        if (b->words[i].length > b->most_words)
            b->most_words = b->words[i].length;
    }
    wholes = partials = 0;
    for (uint32_t i = 0; well && i < literals; i++) {
        b->uses[i] = (struct use){wholes, told->wholes[i], partials, told->partials[i]};
        for (uint32_t j = 0; j < told->wholes[i]; j++, wholes++) {
            b->wholes[wholes] = (struct whole){told->whole[wholes * 2], told->whole[wholes * 2 + 1]};
            well = well && b->wholes[wholes].number < told->size;
        }
        for (uint32_t j = 0; j < told->partials[i]; j++, partials++) {
            const uint32_t *const one = told->partial + (size_t)partials * 4;
            b->partials[partials] = (struct partial){one[0], one[1], one[2], one[3]};
            well = well && one[0] < told->size && one[3] < literals && one[1] <= one[2] &&
                   one[2] < b->words[one[0] < told->size ? one[0] : 0].length;
        }
    }
    if (!well) {
        search_book_free(b);
        return NULL;
    }
    return b;
}

/* ------------------------------------------------------------------------------------------------------- searchers */

static void forget(struct searcher *s) {
    free(s->letters);
    free(s->words);
    free(s->hits);
    s->letters = NULL;
    s->words = NULL;
    s->hits = NULL;
    s->capacity = s->word_capacity = s->hit_capacity = 0;
}

void search_free(struct searcher *s) {
    if (!s)
        return;
    forget(s);
    free(s->places);
    free(s->other_places);
    free(s->answer);
    free(s->present);
    free(s->found);
    free(s->place_of);
    free(s->found_at);
    free(s->seen);
    free(s->seen_at);
    free(s);
}

/* NULL: no memory. */
struct searcher *search_new(const struct book *book) {
    const size_t phrases = (size_t)book->size + 1, literals = (size_t)book->phrases.count + 1;
    const size_t seen = (size_t)book->expressions.count + 1, places = (size_t)book->most_words * (MAX_BETWEEN + 1) + 1;
    struct searcher *const s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->book = book;
    s->places = calloc(places, sizeof *s->places);
    s->other_places = calloc(places, sizeof *s->other_places);
    s->answer = calloc(HEAD + phrases * RECORD + seen, sizeof *s->answer);
    s->present = calloc(literals, sizeof *s->present);
    s->place_of = calloc(literals, sizeof *s->place_of);
    s->found = calloc(phrases, sizeof *s->found);
    s->found_at = calloc(phrases, sizeof *s->found_at);
    s->seen = calloc(seen, sizeof *s->seen);
    s->seen_at = calloc(seen, sizeof *s->seen_at);
    if (!s->places || !s->other_places || !s->answer || !s->present || !s->place_of || !s->found || !s->found_at ||
        !s->seen || !s->seen_at) {
        search_free(s);
        return NULL;
    }
    return s;
}

/* What `search` and `search_on` found: how many phrases; how many literals of expressions; 1 where the places in the
   original are not to be used; how many words. Of each phrase: number, first and last word, from where to where in the
   original. The numbers of the literals. */
const uint32_t *search_answer(const struct searcher *s) { return s->answer; }

/* Room for `needed` of them. NULL: no memory; what was there stays. */
static void *grown(void *room, uint32_t *capacity, size_t needed, size_t size) {
    size_t more = needed + needed / 4 + 64;
    void *found;
    if (more > UINT32_MAX)
        return NULL;
    found = realloc(room, more * size);
    if (found)
        *capacity = (uint32_t)more;
    return found;
}

static int make_room(struct searcher *s, size_t needed) {
    uint32_t *letters;
    if (needed <= s->capacity)
        return 1;
    letters = grown(s->letters, &s->capacity, needed, sizeof *s->letters);
    if (letters)
        s->letters = letters;
    return letters != NULL;
}

/* ---------------------------------------------------------------------------------------------------------- words */

/* What `cut` has come to: where it is with the word that it reads, and that word. */
struct cutting {
    struct word word;
    uint32_t size;
    enum { BETWEEN, WITHIN, JOINED } state;
};

/* The word that has ended. 0: no memory. */
static int put_word(struct searcher *s, struct cutting *c) {
    if (s->word_size == s->word_capacity) {
        struct word *const words = grown(s->words, &s->word_capacity, s->word_size * (size_t)2, sizeof *words);
        if (!words)
            return 0;
        s->words = words;
    }
    s->words[s->word_size++] = c->word;
    c->word.joined += c->word.end - c->word.start + 1;
    c->state = BETWEEN;
    return 1;
}

/* A normalised letter behind those that are there, that came from the original's at `from`. 0: no memory. */
static inline int put(struct searcher *s, struct cutting *c, uint32_t *letters, uint32_t letter, uint32_t kind,
                      uint32_t from) {
    letters[c->size] = letter;
    if (kind & WORD) {
        if (c->state == BETWEEN) {
            c->word.start = c->size;
            c->word.from = from;
        }
        c->word.end = c->size + 1;
        c->word.to = from + 1;
        c->state = WITHIN;
    } else if (kind & JOINER && c->state == WITHIN) {
        c->state = JOINED;
    } else if (c->state != BETWEEN && !put_word(s, c)) {
        return 0;
    }
    c->size++;
    return 1;
}

/* The normalised letters and the words of a text. */
static int cut(struct searcher *s, const uint32_t *text, uint32_t length) {
    const struct alphabet *const a = s->book->alphabet;
    struct cutting c = {{0, 0, 0, 0, 0, 0}, 0, BETWEEN};
    uint32_t *letters;
    if (s->capacity > MUCH && length < MUCH / 4)
        forget(s);
    s->word_size = 0;
    s->has_removed = 0;
    if (!make_room(s, length))
        return NO_MEMORY;
    letters = s->letters;
    for (uint32_t i = 0; i < length; i++) {
        const uint32_t kind = kind_of(a, text[i]);
        if ((kind & (KNOWN | EXPANDS | REMOVED)) == KNOWN) {
            if (!put(s, &c, letters, kind & LETTER, kind, i))
                return NO_MEMORY;
        } else if (kind & REMOVED) {
            s->has_removed = 1;
        } else if (kind & EXPANDS) {
            const uint32_t *const becomes = a->expansions + (kind & LETTER);
            if (!make_room(s, (size_t)c.size + becomes[0] + (length - i)))
                return NO_MEMORY;
            letters = s->letters;
            for (uint32_t j = 1; j <= becomes[0]; j++)
                if (!put(s, &c, letters, becomes[j], kind_of(a, becomes[j]), i))
                    return NO_MEMORY;
        } else {
            return PYTHON;
        }
    }
    s->size = c.size;
    return c.state == BETWEEN || put_word(s, &c) ? DONE : NO_MEMORY;
}

/* Text.ends_after */
static int ends_after(struct searcher *s, uint32_t number) {
    struct word *const word = &s->words[number];
    const uint32_t next = word[1].start;
    int has_end = 0, has_line = 0;
    if (word->sentence)
        return word->sentence == YES;
    word->sentence = NO;
    for (uint32_t at = word->end; at < next; at++) {
        const uint32_t kind = kind_of(s->book->alphabet, s->letters[at]);
        if (!(kind & SPACE)) {
            has_line = 0;
            has_end = kind & END || (has_end && kind & CLOSING);
        } else if (has_end || (has_line && s->letters[at] == '\n')) {
            word->sentence = YES;
            break;
        } else if (s->letters[at] == '\n') {
            has_line = 1;
        }
    }
    return word->sentence == YES;
}

/* ------------------------------------------------------------------------------------------------------- literals */

/* The next letter of Text.joined; word, at: where it stands. 0: there is none. */
static int next_letter(const struct searcher *s, uint32_t *word, uint32_t *at, uint32_t *letter) {
    if (*word == s->word_size)
        return 0;
    if (*at < s->words[*word].end) {
        *letter = s->letters[(*at)++];
    } else {
        *letter = ' ';
        if (++*word < s->word_size)
            *at = s->words[*word].start;
    }
    return 1;
}

/* A literal of a phrase begins at a word. */
static int note(struct searcher *s, uint32_t literal, uint32_t word) {
    const uint32_t at = s->place_of[literal];
    if (at >= s->present_size || s->present[at].literal != literal) {
        s->place_of[literal] = s->present_size;
        s->present[s->present_size++] = (struct present){literal, word, 0};
    }
    if (s->book->uses[literal].partials) {
        if (s->hit_size == s->hit_capacity) {
            struct hit *const hits = grown(s->hits, &s->hit_capacity, s->hit_size * (size_t)2, sizeof *hits);
            if (!hits)
                return 0;
            s->hits = hits;
        }
        s->hits[s->hit_size++] = (struct hit){literal, word};
    }
    return 1;
}

static int look_at_word(struct searcher *s, uint32_t number) {
    const struct tree *const tree = &s->book->phrases;
    const uint32_t *const letters = s->letters + s->words[number].start;
    uint32_t word = number, at = s->words[number].start, letter;
    switch (s->words[number].end - s->words[number].start) {
    case 1:
        letter = number + 1 < s->word_size ? s->letters[s->words[number + 1].start] : 0;
        if (!may_begin_with(tree, letters[0], ' ', letter))
            return 1;
        break;
    case 2:
        if (!may_begin_with(tree, letters[0], letters[1], ' '))
            return 1;
        break;
    default:
        if (!may_begin_with(tree, letters[0], letters[1], letters[2]))
            return 1;
    }
    letter = s->letters[at++];
    for (const struct node *node = root_of(tree, letter); node; node = child(tree, node, letter)) {
        for (const uint32_t *wanted = tree->letters + node->start, *end = wanted + node->length; wanted < end; wanted++)
            if (!next_letter(s, &word, &at, &letter) || letter != *wanted)
                return 1;
        if (node->literal && !note(s, node->literal - 1, number))
            return 0;
        if (!node->count || !next_letter(s, &word, &at, &letter))
            return 1;
    }
    return 1;
}

static void look_for_literals(struct searcher *s) {
    const struct tree *const tree = &s->book->expressions;
    for (uint32_t start = 0; start < s->size; start++) {
        uint32_t at = start;
        if (!may_begin(tree, s->letters[start], start + 1 < s->size ? s->letters[start + 1] : 0))
            continue;
        for (const struct node *node = root_of(tree, s->letters[at++]); node;
             node = child(tree, node, s->letters[at++])) {
            const uint32_t *const wanted = tree->letters + node->start;
            if (node->length > s->size - at || memcmp(s->letters + at, wanted, node->length * sizeof *wanted))
                break;
            at += node->length;
            if (node->literal) {
                const uint32_t literal = node->literal - 1, place = s->seen_at[literal];
                if (place >= s->seen_size || s->seen[place] != literal) {
                    s->seen_at[literal] = s->seen_size;
                    s->seen[s->seen_size++] = literal;
                }
            }
            if (!node->count || at == s->size)
                break;
        }
    }
}

/* -------------------------------------------------------------------------------------------------------- phrases */

static int fits(const struct searcher *s, const struct part *part, uint32_t number) {
    const struct word *const word = &s->words[number];
    const uint32_t length = word->end - word->start;
    return (part->open ? length >= part->length : length == part->length) &&
           !memcmp(s->letters + word->start, s->book->letters + part->start, part->length * sizeof *s->letters);
}

/* phrases._steps: where `part` can stand when its neighbour stands at one of `places`, which go in the direction in
   which it is looked. Each word is looked at once: what was reached from one place is not looked at from the next. */
static uint32_t steps(struct searcher *s, const struct part *part, int gap, int in_sentence, int forward,
                      const uint32_t *places, uint32_t size, uint32_t *found) {
    const uint32_t most = gap ? MAX_BETWEEN + 1 : 1;
    uint32_t reached = places[0], count = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t at = places[i], far;
        far = forward ? (reached > at ? reached - at : 0) : (reached < at ? at - reached : 0);
        at = forward ? at + far : at - far;
        for (; far < most; far++) {
            if (forward ? at + 1 >= s->word_size : !at)
                break;
            if (gap && in_sentence && ends_after(s, forward ? at : at - 1))
                break;
            at = forward ? at + 1 : at - 1;
            if (fits(s, part, at))
                found[count++] = at;
        }
        reached = at;
    }
    return count;
}

/* phrases._around */
static int around(struct searcher *s, uint32_t number, uint32_t at, uint32_t first, uint32_t last, int in_sentence,
                  uint32_t *from, uint32_t *to) {
    const struct span words = s->book->words[number];
    const struct part *const parts = s->book->parts + words.start;
    for (int forward = 1; forward >= 0; forward--) {
        uint32_t *places = s->places, *others = s->other_places, size = 1;
        uint32_t index = forward ? last : first;
        places[0] = forward ? at + last - first : at;
        while (forward ? index + 1 < words.length : index > 0) {
            const struct part *const part = &parts[forward ? index + 1 : index - 1];
            uint32_t *const was = places;
            size = steps(s, part, parts[forward ? index + 1 : index].gap, in_sentence, forward, places, size, others);
            if (!size)
                return 0;
            places = others;
            others = was;
            index = forward ? index + 1 : index - 1;
        }
        *(forward ? to : from) = places[0];
    }
    return 1;
}

/* phrases.place_at */
static int place_at(struct searcher *s, const struct partial *partial, uint32_t at, uint32_t *from, uint32_t *to) {
    const struct span words = s->book->words[partial->number];
    int has_gap = 0, has_end = 0;
    if (!around(s, partial->number, at, partial->first, partial->last, 0, from, to))
        return 0;
    for (uint32_t i = 0; i < words.length; i++)
        has_gap |= s->book->parts[words.start + i].gap;
    for (uint32_t i = *from; has_gap && !has_end && i < *to; i++)
        has_end = ends_after(s, i);
    return !has_end || around(s, partial->number, at, partial->first, partial->last, 1, from, to);
}

static int is_present(const struct searcher *s, uint32_t literal) {
    const uint32_t at = s->place_of[literal];
    return at < s->present_size && s->present[at].literal == literal;
}

static struct found *found_before(const struct searcher *s, uint32_t number) {
    const uint32_t at = s->found_at[number];
    return at < s->found_size && s->found[at].number == number ? &s->found[at] : NULL;
}

/* literal: of which it was found, at the word `at`. */
static void find(struct searcher *s, uint32_t number, uint32_t first, uint32_t last, uint32_t literal, uint32_t at) {
    const uint32_t start = s->words[at].joined, end = start + s->book->phrases.literals[literal].length;
    s->found_at[number] = s->found_size;
    s->found[s->found_size] = (struct found){number, first, last, end, start, s->found_size};
    s->found_size++;
}

/* The phrases that are one literal are where it first stands, unless other phrases of that literal are still looked
   for: then the place goes along, as in PhraseBook.find. */
static void find_wholes(struct searcher *s, uint32_t literal, uint32_t at) {
    const struct use use = s->book->uses[literal];
    for (uint32_t i = use.whole; i < use.whole + use.wholes; i++) {
        const struct whole whole = s->book->wholes[i];
        struct found *const known = found_before(s, whole.number);
        if (known) {
            known->first = at;
            known->last = at + whole.last;
        } else {
            find(s, whole.number, at, at + whole.last, literal, at);
        }
    }
}

static uint8_t state_of(const struct searcher *s, uint32_t literal) {
    const struct use use = s->book->uses[literal];
    int is_wanted = use.wholes > 0;
    for (uint32_t i = use.partial; !is_wanted && i < use.partial + use.partials; i++)
        is_wanted = is_present(s, s->book->partials[i].guard);
    return is_wanted ? OPEN : CLOSED;
}

/* The hits of literals that are but a part of a phrase, from where the last call stopped on. */
static int find_partials(struct searcher *s) {
    for (; s->hit < s->hit_size; s->hit++, s->partial = 0, s->is_open = 0) {
        const struct hit hit = s->hits[s->hit];
        struct present *const present = &s->present[s->place_of[hit.literal]];
        const struct use use = s->book->uses[hit.literal];
        if (!present->state)
            present->state = state_of(s, hit.literal);
        if (present->state == CLOSED)
            continue;
        if (!s->partial && !s->is_resumed)
            find_wholes(s, hit.literal, hit.word);
        for (; s->partial < use.partials; s->partial++) {
            const struct partial *const one = &s->book->partials[use.partial + s->partial];
            uint32_t from, to;
            if (!s->is_resumed) {
                if (found_before(s, one->number) || !is_present(s, one->guard))
                    continue;
                if (++s->looked % s->book->check_every == 0) {
                    s->is_resumed = 1;
                    return UNFINISHED;
                }
            }
            s->is_resumed = 0;
            if (place_at(s, one, hit.word, &from, &to))
                find(s, one->number, from, to, hit.literal, hit.word);
            else
                s->is_open = 1;
        }
        if (!s->is_open)
            present->state = CLOSED;
    }
    return DONE;
}

/* As the hits of an automaton come: by their ends, of those the longest first. */
static int compare(const void *left, const void *right) {
    const struct found *const one = left, *const other = right;
    if (one->end != other->end)
        return one->end < other->end ? -1 : 1;
    if (one->start != other->start)
        return one->start < other->start ? -1 : 1;
    return one->sequence < other->sequence ? -1 : 1;
}

static void answer(struct searcher *s) {
    uint32_t *out = s->answer;
    if (s->found_size > 1)
        qsort(s->found, s->found_size, sizeof *s->found, compare);
    *out++ = s->found_size;
    *out++ = s->seen_size;
    *out++ = (uint32_t)s->has_removed;
    *out++ = s->word_size;
    for (uint32_t i = 0; i < s->found_size; i++) {
        const struct found *const one = &s->found[i];
        *out++ = one->number;
        *out++ = one->first;
        *out++ = one->last;
        *out++ = s->words[one->first].from;
        *out++ = s->words[one->last].to;
    }
    if (s->seen_size)
        memcpy(out, s->seen, s->seen_size * sizeof *out);
}

/* ------------------------------------------------------------------------------------------------ what Python calls */

/* After UNFINISHED. */
int search_on(struct searcher *s) {
    const int said = find_partials(s);
    if (said == DONE)
        answer(s);
    return said;
}

/* what: PHRASES, EXPRESSIONS or both. UNFINISHED: some time has passed, `search_on` goes on; the text is not needed. */
int search(struct searcher *s, const uint32_t *text, uint32_t length, int what) {
    const int said = cut(s, text, length);
    s->present_size = s->hit_size = s->found_size = s->seen_size = 0;
    s->hit = s->partial = s->looked = 0;
    s->is_open = s->is_resumed = 0;
    if (said != DONE)
        return said;
    if (what & EXPRESSIONS)
        look_for_literals(s);
    if (what & PHRASES) {
        for (uint32_t i = 0; i < s->word_size; i++)
            if (!look_at_word(s, i))
                return NO_MEMORY;
        for (uint32_t i = 0; i < s->present_size; i++)
            if (!s->book->uses[s->present[i].literal].partials)
                find_wholes(s, s->present[i].literal, s->present[i].word);
    }
    return search_on(s);
}
