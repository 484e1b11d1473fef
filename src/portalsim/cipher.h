/* RC4 encryption of PDF files with 40 bits: the weakest standard security handler (ISO 32000-1, 7.6.2 and 7.6.3,
 * revision 2), enough to make a file that asks for a password. */
#pragma once

#include "base/macros.h"

enum { CIPHER_PERMISSIONS = -4 }; /* everything allowed; bits 1 and 2 are reserved as 0 */

/* Entries O and U of the encryption dictionary, and the file's key. */
void cipher_setup(const char *password, const unsigned char id[16], unsigned char ret_owner[32],
                  unsigned char ret_user[32], unsigned char ret_key[5]);
/* Encrypts a string or stream of an object of generation 0, in place. */
void cipher_object(const unsigned char key[5], int object, void *bytes, size_t size_bytes);
