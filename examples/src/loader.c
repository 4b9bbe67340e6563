/* The second stage of the boot loader, without an operating system below it: says on the serial port where the root file
 * system lies and goes there. The kernel that a product would have beside it is left out: it is not ours to licence. */
#define UART ((volatile unsigned char *)0x18000300)
#define FLASH ((const unsigned char *)0x1c000000)

static void say(const char *text)
{
	while (*text) {
		while (!(UART[5] & 0x20)) continue;
		UART[0] = (unsigned char)*text++;
	}
}

void _start(void)
{
	const unsigned char *at;
	say("sr100 loader 1.0\n");
	for (at = FLASH; at < FLASH + 0x400000; at += 0x1000)
		if (at[0] == 'h' && at[1] == 's' && at[2] == 'q' && at[3] == 's') say("root file system found\n");
	say("no kernel in this image: stopping\n");
	for (;;) continue;
}
