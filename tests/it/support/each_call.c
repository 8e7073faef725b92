/*
 * each_call FOLDER NUMBER FAULT LOG PROGRAM [ARGUMENT...]
 *
 * Runs PROGRAM and counts what it asks the kernel for that is about a file or folder below FOLDER:
 * opening, reading, writing, syncing, naming, removing, closing. Call number NUMBER (from 1 on; 0 for
 * none) goes wrong, as FAULT says:
 *
 *   kill       the program is killed in the place of it
 *   EIO ...    it is not done, and fails with that
 *   EIO+ ...   it, and each later one, fails with that; of ENOSPC, EDQUOT and EROFS those that write
 *   flip       another byte is written in the middle of what was to be written; of all calls only
 *              those that write count
 *
 * LOG gets a line for each call: its kind and the file. Ends as PROGRAM does, with 128 and the signal
 * where one ended it, and with 125 where the kernel does not let it look.
 *
 * The program's own calls are looked at, and not those of a library: a preloaded one would not see
 * what goes around libc. seccomp asks this process about each of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum what { BY_HANDLE, BY_NAME, BY_OPEN };
enum effect { READS, WRITES };

struct call {
    int number;
    const char *kind;
    enum what what;
    /* Which argument is the handle, or that of the folder in which the name is looked up. */
    int handle;
    enum effect effect;
};

static const struct call CALLS[] = {
    {__NR_openat, "open", BY_OPEN, 0, READS},
    {__NR_read, "read", BY_HANDLE, 0, READS},
    {__NR_pread64, "read", BY_HANDLE, 0, READS},
    {__NR_readv, "read", BY_HANDLE, 0, READS},
    {__NR_preadv, "read", BY_HANDLE, 0, READS},
    {__NR_getdents64, "list", BY_HANDLE, 0, READS},
    {__NR_newfstatat, "look", BY_NAME, 0, READS},
    {__NR_statx, "look", BY_NAME, 0, READS},
    {__NR_write, "write", BY_HANDLE, 0, WRITES},
    {__NR_pwrite64, "write", BY_HANDLE, 0, WRITES},
    {__NR_writev, "write", BY_HANDLE, 0, WRITES},
    {__NR_pwritev, "write", BY_HANDLE, 0, WRITES},
    {__NR_copy_file_range, "copy", BY_HANDLE, 2, WRITES},
    {__NR_sendfile, "copy", BY_HANDLE, 1, READS},
    {__NR_ftruncate, "truncate", BY_HANDLE, 0, WRITES},
    {__NR_fallocate, "allocate", BY_HANDLE, 0, WRITES},
    {__NR_fsync, "sync", BY_HANDLE, 0, WRITES},
    {__NR_fdatasync, "sync", BY_HANDLE, 0, WRITES},
    {__NR_syncfs, "sync", BY_HANDLE, 0, WRITES},
    {__NR_mkdirat, "make", BY_NAME, 0, WRITES},
    {__NR_renameat2, "rename", BY_NAME, 0, WRITES},
    {__NR_linkat, "link", BY_NAME, 2, WRITES},
    {__NR_unlinkat, "remove", BY_NAME, 0, WRITES},
    {__NR_fchmod, "chmod", BY_HANDLE, 0, WRITES},
    {__NR_close, "close", BY_HANDLE, 0, READS},
#ifdef __NR_renameat
    {__NR_renameat, "rename", BY_NAME, 0, WRITES},
#endif
#ifdef __NR_open
    {__NR_open, "open", BY_OPEN, -1, READS},
    {__NR_stat, "look", BY_NAME, -1, READS},
    {__NR_lstat, "look", BY_NAME, -1, READS},
    {__NR_mkdir, "make", BY_NAME, -1, WRITES},
    {__NR_rename, "rename", BY_NAME, -1, WRITES},
    {__NR_link, "link", BY_NAME, -1, WRITES},
    {__NR_unlink, "remove", BY_NAME, -1, WRITES},
    {__NR_rmdir, "remove", BY_NAME, -1, WRITES},
#endif
};
enum { COUNT = sizeof CALLS / sizeof *CALLS };

static const struct { const char *name; int number; } ERRORS[] = {
    {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"ENODEV", ENODEV}, {"ESTALE", ESTALE},
    {"EDQUOT", EDQUOT}, {"EINVAL", EINVAL},
};

static void cannot(const char *what) {
    fprintf(stderr, "each_call: %s: %s\n", what, strerror(errno));
    _exit(125);
}

/* The program: has itself looked at, and hands over the means to do it. */
static void begin(int channel, char **program) {
    struct sock_filter filter[COUNT + 3];
    filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++)
        filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[i].number, COUNT - i, 0);
    filter[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog all = {COUNT + 3, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) cannot("prctl");
    int listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all);
    if (listener < 0) {
        /* The other end sees that nothing comes. */
        fprintf(stderr, "each_call: seccomp: %s\n", strerror(errno));
        _exit(125);
    }
    char byte = 0, room[CMSG_SPACE(sizeof listener)] = {0};
    struct iovec one = {&byte, 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof listener);
    memcpy(CMSG_DATA(head), &listener, sizeof listener);
    if (sendmsg(channel, &message, 0) != 1) cannot("sendmsg");
    close(listener);
    close(channel);
    execvp(program[0], program);
    cannot(program[0]);
}

static int listener_from(int channel) {
    char byte, room[CMSG_SPACE(sizeof(int))];
    struct iovec one = {&byte, 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message)) return -1;
    int listener;
    memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof listener);
    return listener;
}

/* Text of the program at `from`; whether there is any. */
static int text_of(pid_t pid, unsigned long from, char *to, size_t room) {
    size_t got = 0;
    while (got < room - 1) {
        size_t part = 256 - (from + got) % 256;
        if (part > room - 1 - got) part = room - 1 - got;
        struct iovec here = {to + got, part}, there = {(void *)(from + got), part};
        ssize_t read = process_vm_readv(pid, &here, 1, &there, 1, 0);
        if (read <= 0) return 0;
        if (memchr(to + got, 0, read)) return 1;
        got += read;
    }
    to[room - 1] = 0;
    return 1;
}

static int link_of(pid_t pid, const char *which, int handle, char *to) {
    char path[64];
    if (handle == AT_FDCWD) snprintf(path, sizeof path, "/proc/%d/cwd", pid);
    else snprintf(path, sizeof path, "/proc/%d/%s/%d", pid, which, handle);
    ssize_t length = readlink(path, to, PATH_MAX - 1);
    if (length < 0) return 0;
    to[length] = 0;
    return 1;
}

/* What the call is about, as a path. */
static int subject(const struct seccomp_notif *asked, const struct call *call, char *path) {
    const __u64 *given = asked->data.args;
    if (call->what == BY_HANDLE) return link_of(asked->pid, "fd", (int)given[call->handle], path);
    char name[PATH_MAX];
    if (!text_of(asked->pid, given[call->handle + 1], name, sizeof name)) return 0;
    int handle = call->handle < 0 ? AT_FDCWD : (int)given[call->handle];
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return 1;
    }
    if (!link_of(asked->pid, "fd", handle, path)) return 0;
    size_t length = strlen(path), more = strlen(name);
    if (!more) return 1;
    if (length + 1 + more >= PATH_MAX) return 0;
    path[length] = '/';
    memcpy(path + length + 1, name, more + 1);
    return 1;
}

/* Turns a bit in the middle of what the program is about to write. */
static void flip(const struct seccomp_notif *asked, const struct call *call) {
    const __u64 *given = asked->data.args;
    if (strcmp(call->kind, "write") || call->number == __NR_writev || call->number == __NR_pwritev || !given[2]) return;
    char byte, memory[64];
    struct iovec here = {&byte, 1}, there = {(char *)given[1] + given[2] / 2, 1};
    if (process_vm_readv(asked->pid, &here, 1, &there, 1, 0) != 1) cannot("read of memory");
    byte ^= 1;
    /* By the file, since what is constant may not be written to otherwise. */
    snprintf(memory, sizeof memory, "/proc/%d/mem", asked->pid);
    int open_memory = open(memory, O_WRONLY | O_CLOEXEC);
    if (open_memory < 0 || pwrite(open_memory, &byte, 1, (off_t)there.iov_base) != 1) cannot("write of memory");
    close(open_memory);
}

int main(int count, char **given) {
    if (count < 6) return 2;
    char folder[PATH_MAX];
    if (!realpath(given[1], folder)) cannot(given[1]);
    size_t length = strlen(folder);
    long number = atol(given[2]), at = 0;
    int error = 0, stays = strchr(given[3], '+') != NULL;
    int kills = !strcmp(given[3], "kill"), flips = !strcmp(given[3], "flip");
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++) {
        size_t named = strlen(ERRORS[i].name);
        if (!strncmp(given[3], ERRORS[i].name, named) && strlen(given[3]) == named + stays) error = ERRORS[i].number;
    }
    if (!error && !kills && !flips) return 2;
    int only_writes = stays && (error == ENOSPC || error == EDQUOT || error == EROFS);
    FILE *log = fopen(given[4], "we");
    if (!log) cannot(given[4]);

    int channel[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel)) cannot("socketpair");
    pid_t program = fork();
    if (program < 0) cannot("fork");
    if (!program) {
        close(channel[0]);
        begin(channel[1], given + 5);
    }
    close(channel[1]);
    int listener = listener_from(channel[0]);
    if (listener < 0) _exit(125);

    for (;;) {
        struct pollfd poll_for = {listener, POLLIN, 0};
        if (poll(&poll_for, 1, -1) < 0 && errno != EINTR) cannot("poll");
        if (!(poll_for.revents & POLLIN)) {
            if (poll_for.revents & (POLLHUP | POLLERR)) break;
            continue;
        }
        struct seccomp_notif asked = {0};
        /* Who asked may be gone. */
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)) continue;
        struct seccomp_notif_resp answer = {.id = asked.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        const struct call *call = CALLS;
        while (call < CALLS + COUNT && call->number != asked.data.nr) call++;
        char path[PATH_MAX];
        if (call < CALLS + COUNT && subject(&asked, call, path) && !strncmp(path, folder, length)
            && (path[length] == '/' || !path[length])) {
            const char *kind = call->kind;
            int writes = call->effect == WRITES;
            if (call->what == BY_OPEN) {
                int flags = (int)asked.data.args[call->handle + 2];
                if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) kind = "create", writes = 1;
                else if (flags & (O_WRONLY | O_RDWR)) kind = "reopen", writes = 1;
            }
            if (!flips || !strcmp(kind, "write")) at++;
            fprintf(log, "%s %s\n", kind, path[length] ? path + length + 1 : ".");
            int hits = number && (at == number || (stays && at > number)) && (writes || !only_writes);
            if (hits && kills) {
                kill(program, SIGKILL);
                continue;
            }
            if (hits && flips) flip(&asked, call);
            if (hits && error) answer.flags = 0, answer.error = -error;
        }
        /* It may have been killed meanwhile. */
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    fclose(log);
    int status;
    if (waitpid(program, &status, 0) != program) cannot("waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
