#include "support/folder.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

void folder_make(char ret_path[FOLDER_PATH_MAX]) {
    const char *parent = getenv("TMPDIR");
    (void)snprintf(ret_path, FOLDER_PATH_MAX, "%s/filesure-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(ret_path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void folder_remove(const char *path) {
    assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void folder_write(const char *folder, const char *name, const char *text, char ret_path[FOLDER_PATH_MAX]) {
    char path[FOLDER_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    if (ret_path)
        memcpy(ret_path, path, sizeof(path));
}

int folder_count(const char *folder) {
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = -2; /* . and .. */
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}
