/* Service request numbers: see registry.h. */
#include "portalsim/srn.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "portalsim/registry.h"

/* CIN: L iiiii SS yyyy KKK nnnnnn */
enum { AT_INDUSTRY = 1, AT_STATE = 6, AT_YEAR = 8, AT_KIND = 12, AT_NUMBER = 15 };

void srn_make(const char *cin, int place, char out[SRN_MAX]) {
    assert(place >= 0 && place < SIM_PLACES);
    int letters = 0;
    for (int i = 0; i < 5; i++) {
        letters = letters * 26 + (cin[i < 2 ? AT_STATE + i : AT_KIND + i - 2] - 'A');
    }
    char digits[SRN_MAX];
    str_format(digits, sizeof digits, "%.5s%.4s%.6s%09d", cin + AT_INDUSTRY, cin + AT_YEAR, cin + AT_NUMBER,
               letters * SIM_PLACES + place);
    struct rng rng = rng_from_text(digits, 'S');
    int first = rng_below(&rng, 13) + (cin[0] == 'U' ? 13 : 0);
    str_format(out, SRN_MAX, "%c%c%s", 'A' + first, 'A' + rng_below(&rng, 26), digits);
}

bool srn_parse(const char *srn, char ret_cin[CIN_MAX], int *ret_place) {
    int64_t last;
    if (strlen(srn) != SIM_SRN_LENGTH || !num_parse(srn + 17, 0, 999999999, &last)) {
        return false;
    }
    int letters = (int)last / SIM_PLACES;
    char word[5];
    for (int i = 4; i >= 0; i--) {
        word[i] = (char)('A' + letters % 26);
        letters /= 26;
    }
    char cin[CIN_MAX], again[SRN_MAX];
    str_format(cin, sizeof cin, "%c%.5s%.2s%.4s%.3s%.6s", srn[0] < 'N' ? 'L' : 'U', srn + 2, word, srn + 7, word + 2,
               srn + 11);
    if (letters != 0 || !cin_valid(cin)) {
        return false;
    }
    srn_make(cin, (int)(last % SIM_PLACES), again);
    if (!str_eq(again, srn)) {
        return false;
    }
    memcpy(ret_cin, cin, sizeof cin);
    *ret_place = (int)(last % SIM_PLACES);
    return true;
}
