/* Names of blobs: built from ids and numbers only, never from a name somebody sent. */
#pragma once

#include "core/document.h"

/* No blob is larger: a filing is at most 50 MiB, what is read from it at most 96 MiB. */
#define BLOB_BYTES_MAX ((size_t)100 * 1024 * 1024)

enum blob_kind { BLOB_TEXT, BLOB_ORIGINAL, BLOB_FIELDS };

/* jobs/<job id>/document_<n>.<first 16 hex of sha256>.<txt|pdf|json> */
void blob_name_document(const char *job_id, int number, enum blob_kind kind, const char *sha256_hex,
                        char ret[BLOB_NAME_MAX]);
/* jobs/<job id>/manifest.<16 hex>.json */
void blob_name_manifest(const char *job_id, const char *sha256_hex, char ret[BLOB_NAME_MAX]);
/* "jobs/<job id>/": what the names of all of a job's blobs, and of no other job's, start with. */
void blob_name_prefix(const char *job_id, char ret[BLOB_NAME_MAX]);
/* document_<n>.txt: the row's fileName */
void document_file_name(int number, const char *extension, char ret[64]);
/* True when the name is one of ours; hands back its parts (any ret may be NULL). number 0 = a
 * manifest. */
bool blob_name_parse(const char *name, char ret_job_id[OBJECT_ID_MAX], int *ret_number, char ret_hex[17],
                     char ret_extension[8]);
/* True when the name carries the start of this digest. */
bool blob_name_matches(const char *name, const char *sha256_hex);
const char *blob_content_type(const char *name); /* by extension */
