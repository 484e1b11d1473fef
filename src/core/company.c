/* Companies by CIN. */
#include "core/company.h"

#include <string.h>

#include "base/str.h"

enum { CIN_LENGTH = CIN_MAX - 1, NAME_BYTES_MAX = COMPANY_NAME_MAX - 1 };

/* One letter for each place: k L or U, d digit, a letter A-Z. */
static const char cin_pattern[] = "kdddddaaddddaaadddddd";
_Static_assert(sizeof(cin_pattern) == CIN_MAX, "a CIN has 21 places");

static bool place_fits(char place, char byte) {
    switch (place) {
    case 'k':
        return byte == 'L' || byte == 'U';
    case 'd':
        return byte >= '0' && byte <= '9';
    default:
        return byte >= 'A' && byte <= 'Z';
    }
}

enum outcome cin_check(const char *cin, struct error *err) {
    for (int i = 0; cin && i < CIN_LENGTH; i++) {
        if (!cin[i]) {
            return error_set(err, INVALID, "bad_cin", "a CIN has %d characters, this has %d", (int)CIN_LENGTH, i);
        }
        if (!place_fits(cin_pattern[i], cin[i])) {
            const char *expected = cin_pattern[i] == 'k'   ? "L or U"
                                   : cin_pattern[i] == 'd' ? "a digit"
                                                           : "a capital letter";
            return error_set(err, INVALID, "bad_cin", "position %d of the CIN must be %s", i + 1, expected);
        }
    }
    if (!cin || cin[CIN_LENGTH]) {
        return error_set(err, INVALID, "bad_cin", "a CIN has %d characters, this has %s", (int)CIN_LENGTH,
                         cin ? "more" : "none");
    }
    return OK;
}

bool cin_valid(const char *cin) {
    return cin_check(cin, NULL) == OK;
}

enum outcome cin_normalise(const char *text, char ret_cin[CIN_MAX], struct error *err) {
    char copy[64];
    if (!str_copy(copy, sizeof(copy), text)) {
        return error_set(err, INVALID, "bad_cin", "a CIN has %d characters, this has more", (int)CIN_LENGTH);
    }
    char *cin = str_trim(copy);
    for (char *at = cin; *at; at++) {
        if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        }
    }
    enum outcome outcome = cin_check(cin, err);
    if (outcome == OK) {
        (void)str_copy(ret_cin, CIN_MAX, cin);
    }
    return outcome;
}

enum outcome company_name_check(const char *name, struct error *err) {
    size_t length = name ? strnlen(name, COMPANY_NAME_MAX) : 0;
    if (length == 0 || length > NAME_BYTES_MAX) {
        return error_set(err, INVALID, "bad_company_name", "a company name has 1 to %d bytes", (int)NAME_BYTES_MAX);
    }
    if (!utf8_valid(name, length)) {
        return error_set(err, INVALID, "bad_company_name", "the company name is not UTF-8");
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        bool c1_control = byte == 0xc2 && (unsigned char)name[i + 1] < 0xa0;
        if (byte < 0x20 || byte == 0x7f || c1_control) {
            return error_set(err, INVALID, "bad_company_name", "the company name holds a control character");
        }
    }
    return OK;
}

/* splitmix64 (public domain, Sebastiano Vigna): the next number of a stream that the state alone
 * decides. */
static uint64_t next_number(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned int pick(uint64_t *state, size_t bound) {
    return (unsigned int)(next_number(state) % bound);
}

/* Syllables that make no real firm's name on purpose. */
static const char *const heads[] = {"Avo",  "Bri",  "Cora", "Dhu",  "Elva", "Firo", "Gava", "Hiru",
                                    "Ilo",  "Jave", "Kori", "Luma", "Mevi", "Nira", "Ovu",  "Prava",
                                    "Quri", "Rovi", "Sava", "Tiru", "Uvi",  "Vari", "Yelo", "Zuva"};
static const char *const tails[] = {"belin", "cotra", "dexa",  "firan", "gosta",  "kavi",  "lontar", "mirex",
                                    "nolan", "pradi", "quell", "rastu", "sentra", "tovar", "vexin",  "zondi"};
static const char *const trades[] = {"Agro",        "Castings",    "Ceramics", "Chemicals", "Components",
                                     "Energy",      "Engineering", "Exports",  "Foods",     "Infra",
                                     "Instruments", "Logistics",   "Minerals", "Packaging", "Polymers",
                                     "Power",       "Software",    "Steels",   "Textiles",  "Trading"};

static const char *company_suffix(const char *cin) {
    const char *kind = cin + 12;
    if (memcmp(kind, "PTC", 3) == 0) {
        return "Private Limited";
    }
    if (memcmp(kind, "OPC", 3) == 0) {
        return "(OPC) Private Limited";
    }
    return memcmp(kind, "NPL", 3) == 0 ? "Foundation" : "Limited";
}

void company_simulated_name(const char *cin, char ret_name[COMPANY_NAME_MAX]) {
    uint64_t state = 0xcbf29ce484222325u; /* FNV-1a of the CIN seeds the stream */
    for (const char *at = cin; *at; at++) {
        state = (state ^ (unsigned char)*at) * 0x100000001b3u;
    }
    const char *head = heads[pick(&state, COUNT_OF(heads))];
    const char *tail = tails[pick(&state, COUNT_OF(tails))];
    const char *trade = trades[pick(&state, COUNT_OF(trades))];
    const char *suffix = strlen(cin) == CIN_LENGTH ? company_suffix(cin) : "Limited";
    (void)str_format(ret_name, COMPANY_NAME_MAX, "%s%s %s %s", head, tail, trade, suffix);
}

void company_sample(uint64_t seed, struct company *ret) {
    static const char *const states[] = {"AP", "DL", "GJ", "HR", "KA", "KL", "MH",
                                         "MP", "PB", "RJ", "TN", "TG", "UP", "WB"};
    uint64_t state = seed;
    bool listed = pick(&state, 5) == 0;
    unsigned int industry = 10000 + pick(&state, 89000);
    const char *place = states[pick(&state, COUNT_OF(states))];
    unsigned int year = 1985 + pick(&state, 39);
    const char *kind = listed || pick(&state, 4) == 0 ? "PLC" : "PTC";
    unsigned int number = 100000 + pick(&state, 800000);
    (void)str_format(ret->cin, sizeof(ret->cin), "%c%05u%s%04u%s%06u", listed ? 'L' : 'U', industry, place, year, kind,
                     number);
    company_simulated_name(ret->cin, ret->name);
}
