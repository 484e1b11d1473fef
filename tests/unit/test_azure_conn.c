/* Connection strings of Azure Storage: every form, and that no message gives one away. */
#include "support/test.h"

#include <string.h>

#include "base/str.h"
#include "blobs/azure_conn.h"

#define KEY "S3cretS3cretS3cretS3cretS3cretS3cretS3cretS3cret"
#define SAS "sv=2020-12-06&ss=b&srt=co&sp=rwdlac&se=2030-01-01T00%3A00%3A00Z&sig=S3cret%2Bsig%3D"
#define EMULATOR_KEY "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

static struct azure_conn parse(const char *text) {
    struct azure_conn conn;
    struct error err = {0};
    memset(&conn, 0xee, sizeof(conn));
    if (azure_conn_parse(text, &conn, &err) != OK) {
        fail_msg("%s: %s", text, err.message);
    }
    return conn;
}

static void expect_conn(const char *text, enum azure_auth auth, const char *base, const char *account) {
    struct azure_conn conn = parse(text);
    assert_int_equal(conn.auth, auth);
    assert_string_equal(conn.base, base);
    assert_string_equal(conn.account, account);
    assert_int_equal(conn.key_size, auth == AZURE_SHARED_KEY ? 36 : 0);
    assert_string_equal(conn.sas, auth == AZURE_SAS ? SAS : "");
    azure_conn_finish(&conn);
    assert_int_equal(conn.key[0], 0);
    assert_int_equal(conn.sas[0], 0);
}

static void keys(void **state) {
    (void)state;
    const char *base = "https://acme.blob.core.windows.net";
    expect_conn("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=" KEY ";EndpointSuffix=core.windows.net",
                AZURE_SHARED_KEY, base, "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY, AZURE_SHARED_KEY, base, "acme");
    expect_conn("AccountKey=" KEY ";AccountName=acme;", AZURE_SHARED_KEY, base, "acme");
    expect_conn("accountname=acme;ACCOUNTKEY=" KEY, AZURE_SHARED_KEY, base, "acme");
    expect_conn(" \t AccountName = acme ;\r\n AccountKey = " KEY " ; \r\n", AZURE_SHARED_KEY, base, "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY ";DefaultEndpointsProtocol=http", AZURE_SHARED_KEY,
                "http://acme.blob.core.windows.net", "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY ";EndpointSuffix=core.chinacloudapi.cn", AZURE_SHARED_KEY,
                "https://acme.blob.core.chinacloudapi.cn", "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY ";BlobEndpoint=https://files.example.org/", AZURE_SHARED_KEY,
                "https://files.example.org", "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY ";BlobEndpoint=HTTP://Box:10000/acme/;EndpointSuffix=x;"
                "QueueEndpoint=http://box:10001/acme;TableEndpoint=http://box:10002/acme",
                AZURE_SHARED_KEY, "http://box:10000/acme", "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY ";BlobEndpoint=http://[::1]:10000/acme", AZURE_SHARED_KEY,
                "http://[::1]:10000/acme", "acme");
    expect_conn("AccountName=acme;AccountKey=" KEY ";BlobEndpoint=https://box:443", AZURE_SHARED_KEY, "https://box",
                "acme");
}

static void keys_are_decoded(void **state) {
    (void)state;
    struct azure_conn conn = parse("AccountName=a;AccountKey=Zm9vYg==");
    assert_int_equal(conn.key_size, 4);
    assert_memory_equal(conn.key, "foob", 4);
}

static void a_key_wins_over_a_sas(void **state) {
    (void)state;
    expect_conn("AccountName=acme;SharedAccessSignature=" SAS ";AccountKey=" KEY, AZURE_SHARED_KEY,
                "https://acme.blob.core.windows.net", "acme");
}

static void signatures(void **state) {
    (void)state;
    expect_conn("BlobEndpoint=https://acme.blob.core.windows.net;SharedAccessSignature=" SAS, AZURE_SAS,
                "https://acme.blob.core.windows.net", "");
    expect_conn("BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=?" SAS ";", AZURE_SAS,
                "https://acme.blob.core.windows.net", "");
    expect_conn("SharedAccessSignature=" SAS ";AccountName=acme", AZURE_SAS, "https://acme.blob.core.windows.net",
                "acme");
    struct azure_conn conn = parse("AccountName=acme;SharedAccessSignature=sig=x%3D&sv=2021-12-02&sr=c");
    assert_string_equal(conn.sas, "sig=x%3D&sv=2021-12-02&sr=c");
}

static void identities(void **state) {
    (void)state;
    expect_conn("BlobEndpoint=https://acme.blob.core.windows.net", AZURE_IDENTITY, "https://acme.blob.core.windows.net",
                "");
    expect_conn("AccountName=acme", AZURE_IDENTITY, "https://acme.blob.core.windows.net", "acme");
}

static void the_emulator(void **state) {
    (void)state;
    static const char *const texts[] = {"UseDevelopmentStorage=true", "usedevelopmentstorage=True;"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct azure_conn conn = parse(texts[i]);
        assert_int_equal(conn.auth, AZURE_SHARED_KEY);
        assert_string_equal(conn.base, "http://127.0.0.1:10000/devstoreaccount1");
        assert_string_equal(conn.endpoint.path, "/devstoreaccount1");
        assert_string_equal(conn.account, "devstoreaccount1");
        assert_int_equal(conn.key_size, 64);
    }
    struct azure_conn moved = parse("UseDevelopmentStorage=true;BlobEndpoint=http://127.0.0.1:7/devstoreaccount1");
    struct azure_conn whole = parse("AccountName=devstoreaccount1;AccountKey=" EMULATOR_KEY
                                    ";BlobEndpoint=http://127.0.0.1:7/devstoreaccount1");
    assert_memory_equal(moved.key, whole.key, 64);
    assert_string_equal(moved.base, whole.base);
}

static const struct {
    const char *text;
    const char *message;
} bad[] = {
    {"", "it is empty"},
    {" ", "it has neither BlobEndpoint nor AccountName"},
    {"S3cret", "segment 1: it is not name=value"},
    {"AccountName=acme;S3cret;AccountKey=" KEY, "segment 2: it is not name=value"},
    {"AccountName=acme;;AccountKey=" KEY, "segment 2: it is not name=value"},
    {";AccountName=acme", "segment 1: it is not name=value"},
    {"AccountName=acme;AcountKey=" KEY, "segment 2: no such name"},
    {"=S3cret;AccountName=acme", "segment 1: no such name"},
    {"S3cret=S3cret", "segment 1: no such name"},
    {"AccountName=;AccountKey=" KEY, "segment 1: its value is empty"},
    {"AccountName=acme;AccountKey= ", "segment 2: its value is empty"},
    {"AccountName=acme;accountname=other", "segment 2: its name was there before"},
    {"AccountName=acme;AccountKey=" KEY ";AccountKey=" KEY, "segment 3: its name was there before"},
    {"AccountName=acme;AccountKey=S3cret", "segment 2: its value is not base64"},
    {"AccountName=acme;AccountKey=S3cret!=", "segment 2: its value is not base64"},
    {"BlobEndpoint=https://box;AccountKey=" KEY, "segment 2: a key needs AccountName"},
    {"AccountName=S3cret.host/;AccountKey=" KEY, "segment 1: it is not the name of an account"},
    {"AccountName=a@b", "segment 1: it is not the name of an account"},
    {"AccountName=acme;EndpointSuffix=S3cret/x", "segment 2: it is not a host name"},
    {"AccountName=acme;EndpointSuffix=S3cret?x", "segment 2: it is not a host name"},
    {"AccountName=acme;EndpointSuffix=S3 cret", "segment 2: it is not a host name"},
    {"DefaultEndpointsProtocol=S3cret;AccountName=acme", "segment 1: it must be http or https"},
    {"AccountKey=" KEY ";EndpointSuffix=x", "segment 1: a key needs AccountName"},
    {"SharedAccessSignature=" SAS, "it has neither BlobEndpoint nor AccountName"},
    {"BlobEndpoint=S3cret", "segment 1: it must start with http:// or https://"},
    {"BlobEndpoint=https://ann:S3cret@box", "segment 1: a user name or password must not stand in a URL"},
    {"BlobEndpoint=https://box?S3cret", "segment 1: it must not have a query"},
    {"BlobEndpoint=https://box/?" SAS, "segment 1: it must not have a query"},
    {"BlobEndpoint=https://box:S3cret", "segment 1: its host is malformed"},
    {"BlobEndpoint=https://box:70000", "segment 1: its port"},
    {"BlobEndpoint=https://b;SharedAccessSignature=S3cret", "segment 2: it is not a shared access signature"},
    {"BlobEndpoint=https://b;SharedAccessSignature=?sv=1&sg=S3cret", "segment 2: it is not a shared access"},
    {"BlobEndpoint=https://b;SharedAccessSignature=sv=1&mysig=S3cret", "segment 2: it is not a shared access"},
    {"BlobEndpoint=https://b;SharedAccessSignature=sig=S3 cret", "segment 2: it is not a shared access"},
    {"BlobEndpoint=https://b;SharedAccessSignature=sig=S3cret\r\nX: y", "segment 2: it is not a shared access"},
    {"BlobEndpoint=https://b;SharedAccessSignature=sig=S3cret#x", "segment 2: it is not a shared access"},
    {"UseDevelopmentStorage=false", "segment 1: it must be true"},
    {"UseDevelopmentStorage=true;AccountKey=" KEY, "segment 2: it does not go with UseDevelopmentStorage"},
    {"AccountName=S3cret;UseDevelopmentStorage=true", "segment 1: it does not go with UseDevelopmentStorage"},
};

static void bad_ones_say_where(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct azure_conn conn = {.account = "untouched"};
        struct error err = {0};
        char wanted[256];
        (void)str_format(wanted, sizeof(wanted), "the storage connection string: %s", bad[i].message);
        if (azure_conn_parse(bad[i].text, &conn, &err) != INVALID) {
            fail_msg("accepted: %s", bad[i].text);
        }
        assert_string_equal(err.code, "bad_connection_string");
        if (!str_starts_with(err.message, wanted)) {
            fail_msg("%s: %s", bad[i].text, err.message);
        }
        assert_null(strcasestr(err.message, "S3cret"));
        assert_string_equal(conn.account, "untouched");
    }
    assert_int_equal(azure_conn_parse(NULL, NULL, NULL), INVALID);
}

static void long_ones(void **state) {
    (void)state;
    struct azure_conn conn;
    struct error err = {0};
    AUTO_FREE char *text = x_alloc(20001);
    memset(text, 'A', 20000);
    memcpy(text, "AccountName=a;AccountKey=", 25);
    assert_int_equal(azure_conn_parse(text, &conn, &err), INVALID);
    assert_string_equal(err.message, "the storage connection string: it is too long");
    text[25 + 344] = '\0'; /* 258 bytes */
    assert_int_equal(azure_conn_parse(text, &conn, &err), INVALID);
    text[25 + 340] = '\0'; /* 255 bytes */
    assert_int_equal(azure_conn_parse(text, &conn, &err), OK);
    assert_int_equal(conn.key_size, 255);
    memset(text, 'a', 5000);
    memcpy(text, "AccountName=", 12);
    text[12 + 64] = '\0';
    assert_int_equal(azure_conn_parse(text, &conn, &err), INVALID);
    text[12 + 63] = '\0';
    assert_int_equal(azure_conn_parse(text, &conn, &err), OK);
    memset(text, 'a', 5000);
    memcpy(text, "AccountName=a;SharedAccessSignature=sig=", 40);
    text[36 + 4096] = '\0';
    assert_int_equal(azure_conn_parse(text, &conn, &err), INVALID);
    text[36 + 4095] = '\0';
    assert_int_equal(azure_conn_parse(text, &conn, &err), OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(keys_are_decoded),
        cmocka_unit_test(a_key_wins_over_a_sas),
        cmocka_unit_test(signatures),
        cmocka_unit_test(identities),
        cmocka_unit_test(the_emulator),
        cmocka_unit_test(bad_ones_say_where),
        cmocka_unit_test(long_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
