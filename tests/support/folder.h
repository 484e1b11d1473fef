/* A folder of a test's own, and small files in it. Each of them ends the test when it fails. */
#pragma once

enum { FOLDER_PATH_MAX = 512 };

void folder_make(char ret_path[FOLDER_PATH_MAX]); /* under TMPDIR */
void folder_remove(const char *path);             /* with all that is in it */
/* Writes text to <folder>/<name>; ret_path may be NULL. */
void folder_write(const char *folder, const char *name, const char *text, char ret_path[FOLDER_PATH_MAX]);
int folder_count(const char *folder); /* entries, hidden ones too */
