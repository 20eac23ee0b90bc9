/* Records the writes and flushes of a process in the files of one folder.

   Loaded with LD_PRELOAD. KILLS_FOLDER names the folder, KILLS_RECORD the file of the record. Each
   entry is a line "op path offset size" followed by the written bytes, if any. From the record, the
   state of the disk at any moment can be restored, with or without unflushed writes. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;
static char folder[PATH_MAX];

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static ssize_t put(const void *bytes, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = next("write");
    return real(record, bytes, size);
}

__attribute__((constructor)) static void begin(void) {
    int (*real)(const char *, int, ...) = next("open");
    char *where = getenv("KILLS_FOLDER");
    char *to = getenv("KILLS_RECORD");
    if (where == NULL || to == NULL || realpath(where, folder) == NULL) return;
    record = real(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void tell(const char *op, const char *path, long long at, const void *bytes, size_t size) {
    char head[PATH_MAX + 64];
    size_t prefix = strlen(folder);
    if (strncmp(path, folder, prefix) != 0 || path[prefix] != '/') return;
    int written = snprintf(head, sizeof head, "%s %s %lld %zu\n", op, path + prefix + 1, at, size);
    pthread_mutex_lock(&lock);
    put(head, (size_t)written);
    if (bytes != NULL) put(bytes, size);
    pthread_mutex_unlock(&lock);
}

static void note(const char *op, int fd, long long at, const void *bytes, size_t size) {
    char link[64], path[PATH_MAX];
    if (record < 0 || fd == record) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    tell(op, path, at, bytes, size);
}

int unlink(const char *path) {
    int (*real)(const char *) = next("unlink");
    int done = real(path);
    if (done == 0 && record >= 0) tell("gone", path, 0, NULL, 0);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = next("pwrite64");
    ssize_t done = real(fd, bytes, size, at);
    if (done > 0) note("write", fd, at, bytes, (size_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    return pwrite64(fd, bytes, size, at);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = next("write");
    off_t at = record < 0 ? -1 : lseek(fd, 0, SEEK_CUR);
    ssize_t done = real(fd, bytes, size);
    if (done > 0 && at >= 0) note("write", fd, at, bytes, (size_t)done);
    return done;
}

int ftruncate64(int fd, off64_t size) {
    int (*real)(int, off64_t) = next("ftruncate64");
    int done = real(fd, size);
    if (done == 0) note("cut", fd, size, NULL, 0);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd) {
    int (*real)(int) = next("fsync");
    int done = real(fd);
    if (done == 0) note("flush", fd, 0, NULL, 0);
    return done;
}

int fdatasync(int fd) {
    int (*real)(int) = next("fdatasync");
    int done = real(fd);
    if (done == 0) note("flush", fd, 0, NULL, 0);
    return done;
}
