/* What each line of a text may be, for message/lines.py: one pass that spares the regular expressions most lines.

   Blank lines and quoted ones are told exactly. Of the rest it is told what a line may be: a line without a bit is none
   of that kind, one with it is for Python to look at. The words come from Python, and which letters are equal when case
   is ignored, too: letters are compared by their classes. Text is UTF-32 in the machine's byte order.

   What is learned never changes afterwards, so that any number of threads may ask. */

#include <stdint.h>
#include <stdlib.h>

enum {
    LETTERS = 0x530,    /* native_lines.LETTERS: classes of those below are in a table, of others in a list */
    ODD = 64,
    CLASSES = 256,
    WORDS = 512,
    WORD_LETTERS = 8192,
    FIELD_LETTERS = 40, /* lines.FIELD_CHARACTERS */
    SHORTEST_RULE = 8,  /* characters of a line that is nothing but a rule, quoting._UNDERSCORES */
    EM_DASH = 0x2014,
    EN_DASH = 0x2013
};
enum { /* native_lines._Classes */
    NOTHING,
    SPACE /* str.isspace, which is \s */
};
enum { /* lines.py, in this order */
    BLANK = 1,
    QUOTE = 2,
    ATTRIBUTION = 4,
    RULED = 8,
    FIELD = 16,
    SIGN_OFF = 32
};
enum { BEGINNINGS, NAMES, PHRASES, LISTS }; /* in the order of native_lines._words */
enum { TOO_MANY = -1, FULL = -2, DONE = 0 };

struct classes {
    uint8_t below[LETTERS];
    uint32_t odd[ODD][2]; /* code points from LETTERS on, rising, and their classes */
    uint32_t odds;
};

struct word {
    uint16_t start, length, next; /* next: one more than the place of the next word that begins so, or 0 */
    uint8_t kind;
};

struct lines {
    struct classes classes;
    struct word words[WORDS];
    uint8_t letters[WORD_LETTERS];
    uint32_t size, used;
    uint16_t first[LISTS][CLASSES]; /* one more than the place of the first word that begins so, or 0 */
    uint8_t stops[LETTERS];         /* letters at which a line is looked at closer: a phrase may begin there, or ":" */
};

static uint32_t class_of(const struct lines *l, uint32_t letter) {
    const struct classes *c = &l->classes;
    if (letter < LETTERS)
        return c->below[letter];
    for (uint32_t i = 0; i < c->odds && c->odd[i][0] <= letter; i++)
        if (c->odd[i][0] == letter)
            return c->odd[i][1];
    return NOTHING;
}

static int is_rule(uint32_t letter) { /* [-_=~—–*] */
    return letter == '-' || letter == '_' || letter == '=' || letter == '~' || letter == '*' || letter == EM_DASH ||
           letter == EN_DASH;
}

static int is_mark(uint32_t letter) { /* what may stand before the words of a signature */
    return letter == '*' || letter == '_' || letter == '-' || letter == EM_DASH || letter == EN_DASH;
}

/* The kinds of all words of a list that the text begins with; with `whole`: that are the text. */
static uint32_t said(const struct lines *l, int list, const uint32_t *text, uint32_t length, int whole) {
    uint32_t found = 0;
    if (!length)
        return 0;
    for (uint32_t next = l->first[list][class_of(l, *text)]; next; next = l->words[next - 1].next) {
        const struct word *word = &l->words[next - 1];
        uint32_t i = 1;
        if (word->length > length || (whole && word->length != length))
            continue;
        while (i < word->length && class_of(l, text[i]) == l->letters[word->start + i])
            i++;
        if (i == word->length)
            found |= word->kind;
    }
    return found;
}

/* Words between rules, or a long rule: attribution.RULED, quoting._UNDERSCORES. Of a line without the space around it. */
static int may_be_ruled(const struct lines *l, const uint32_t *line, uint32_t length) {
    uint32_t end = length, rules = 0;
    if (*line != '>' && *line != '|' && !is_rule(*line))
        return 0;
    if (line[end - 1] == ':')
        end--;
    while (end && class_of(l, line[end - 1]) == SPACE)
        end--;
    while (rules < end && is_rule(line[end - 1 - rules]))
        rules++;
    return rules >= (rules == end ? SHORTEST_RULE : 2);
}

/* attribution.FIELD, with one of the names: `colon` is where the first one stands. Of a line without space before it. */
static int may_be_field(const struct lines *l, const uint32_t *line, uint32_t colon) {
    uint32_t start = 0;
    while (start < colon && (line[start] == '>' || line[start] == '*' || line[start] == '_' ||
                             class_of(l, line[start]) == SPACE))
        start++;
    while (colon > start && (line[colon - 1] == '*' || line[colon - 1] == '_' || class_of(l, line[colon - 1]) == SPACE))
        colon--;
    return said(l, NAMES, line + start, colon - start, 1) != 0;
}

/* `colon`: where the first one of the line stands, counted from where its words begin; `before`: so many are before. */
static uint32_t kind_of(const struct lines *l, const uint32_t *line, uint32_t length, uint32_t colon, uint32_t before) {
    uint32_t at = 0, kind = may_be_ruled(l, line, length) ? RULED : 0;
    if (*line == '>')
        return kind | QUOTE;
    while (at < length && (is_mark(line[at]) || class_of(l, line[at]) == SPACE))
        at++;
    kind |= said(l, BEGINNINGS, line + at, length - at, 0);
    if (at == length && length <= 2) /* a dash or two */
        kind |= SIGN_OFF;
    if (colon < length && colon + before < FIELD_LETTERS && may_be_field(l, line, colon))
        kind |= FIELD;
    return kind;
}

/* An attribution may end with this line: it may begin here, or one or two lines further up. */
static void ends_attribution(uint8_t *kinds, uint32_t line) {
    kinds[line] |= ATTRIBUTION;
    for (uint32_t above = 1; above <= 2 && above <= line && !(kinds[line - above] & (BLANK | QUOTE)); above++)
        kinds[line - above] |= ATTRIBUTION;
}

/* ---------------------------------------------------------------------------------------------- what Python calls */

void lines_free(struct lines *l) { free(l); }

/* NULL: no memory, or too many odd letters. */
struct lines *lines_new(const struct classes *classes) {
    struct lines *l;
    if (classes->odds > ODD || !(l = calloc(1, sizeof *l)))
        return NULL;
    l->classes = *classes;
    l->stops[':'] = 1;
    for (uint32_t i = 0; i < classes->odds; i++)
        if (classes->odd[i][1] >= CLASSES) {
            free(l);
            return NULL;
        }
    return l;
}

/* Another word of a list, and the kinds of the lines that have it; FULL: there is no room, or it is none. */
int lines_word(struct lines *l, uint32_t list, uint32_t kind, const uint32_t *word, uint32_t length) {
    struct word *one = &l->words[l->size];
    uint16_t *first;
    uint32_t begun;
    if (list >= LISTS || !length || l->size >= WORDS || length > WORD_LETTERS - l->used)
        return FULL;
    for (uint32_t i = 0; i < length; i++)
        if (!(l->letters[l->used + i] = (uint8_t)class_of(l, word[i])))
            return FULL;
    begun = l->letters[l->used];
    first = &l->first[list][begun];
    *one = (struct word){(uint16_t)l->used, (uint16_t)length, *first, (uint8_t)kind};
    *first = (uint16_t)++l->size;
    l->used += length;
    if (list == PHRASES)
        for (uint32_t i = 0; i < LETTERS; i++)
            l->stops[i] |= class_of(l, i) == begun;
    return DONE;
}

/* The kinds of all lines of a text, a byte for each; how many there are, or TOO_MANY for `most`. */
int lines_kinds(const struct lines *l, const uint32_t *text, uint32_t length, uint8_t *kinds, uint32_t most) {
    uint32_t size = 0, bracket = UINT32_MAX; /* bracket: the last line that is not blank, if it ends with ">" */
    for (uint32_t at = 0; at <= length; at++) {
        const uint32_t begun = at;
        uint32_t start, end, colon = UINT32_MAX, kind = 0;
        if (size >= most)
            return TOO_MANY;
        while (at < length && text[at] != '\n' && class_of(l, text[at]) == SPACE)
            at++;
        start = at;
        if (at == length || text[at] == '\n') {
            kinds[size++] = BLANK;
            continue;
        }
        if (text[at] == '>') {
            while (at < length && text[at] != '\n')
                at++;
        } else {
            for (; at < length && text[at] != '\n'; at++) {
                if (text[at] < LETTERS && !l->stops[text[at]])
                    continue;
                if (text[at] == ':' && colon == UINT32_MAX)
                    colon = at - start;
                kind |= said(l, PHRASES, text + at, length - at, 0);
            }
        }
        for (end = at; class_of(l, text[end - 1]) == SPACE;)
            end--; /* not before `start`, where there is none */
        kinds[size] = (uint8_t)(kind | kind_of(l, text + start, end - start, colon, start - begun));
        if (kinds[size] & QUOTE) {
            if (bracket != UINT32_MAX)
                ends_attribution(kinds, bracket);
            bracket = UINT32_MAX;
        } else {
            bracket = text[end - 1] == '>' ? size : UINT32_MAX;
            if (text[end - 1] == ':' || (text[end - 1] == '*' && end - start > 1 && text[end - 2] == ':'))
                ends_attribution(kinds, size);
        }
        size++;
    }
    return (int)size;
}

/* For tests: the class of a letter. */
uint32_t lines_class(const struct lines *l, uint32_t letter) { return class_of(l, letter); }
