/* tlsd: HTTPS for the web pages: TLS 1.2 on TCP port 443, and what comes in goes on to httpd on 127.0.0.1.
 * usage: tlsd -c FILE, with lines `certificate PATH` and `key PATH` (PEM, RSA). TLS itself is BearSSL's. */
#include <arpa/inet.h>
#include <bearssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned char content[2][8192];
static size_t length[2];
static br_x509_certificate chain[1];
static br_skey_decoder_context key;

struct sink { int which; };

static void keep(void *context, const void *data, size_t size)
{
	int which = ((struct sink *)context)->which;
	if (length[which] + size > sizeof content[which]) exit(1);
	memcpy(content[which] + length[which], data, size);
	length[which] += size;
}

/* Read the first object of a PEM file into content[which]. */
static int read_pem(const char *path, int which)
{
	unsigned char text[8192], *at = text;
	br_pem_decoder_context decoder;
	struct sink sink = { which };
	FILE *file = fopen(path, "r");
	size_t used, left = file ? fread(text, 1, sizeof text, file) : 0;
	if (file) fclose(file);
	br_pem_decoder_init(&decoder);
	while (left) {
		used = br_pem_decoder_push(&decoder, at, left);
		at += used;
		left -= used;
		switch (br_pem_decoder_event(&decoder)) {
		case BR_PEM_BEGIN_OBJ:
			br_pem_decoder_setdest(&decoder, keep, &sink);
			break;
		case BR_PEM_END_OBJ:
			return 1;
		case BR_PEM_ERROR:
			return 0;
		}
	}
	return 0;
}

static int settle(const char *settings)
{
	char line[256], word[32], path[200];
	FILE *file = fopen(settings, "r");
	int good = 0;
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "%31s %199s", word, path) != 2) continue;
		if (!strcmp(word, "certificate")) good |= read_pem(path, 0);
		if (!strcmp(word, "key")) good |= read_pem(path, 1) << 1;
	}
	if (file) fclose(file);
	if (good != 3) return 0;
	chain[0].data = content[0];
	chain[0].data_len = length[0];
	br_skey_decoder_init(&key);
	br_skey_decoder_push(&key, content[1], length[1]);
	return br_skey_decoder_key_type(&key) == BR_KEYTYPE_RSA;
}

static void serve(int client)
{
	static br_ssl_server_context tls;
	static unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
	struct sockaddr_in inner = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	br_ssl_engine_context *engine = &tls.eng;
	int web = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(web, (struct sockaddr *)&inner, sizeof inner)) return;
	br_ssl_server_init_full_rsa(&tls, chain, 1, br_skey_decoder_get_rsa(&key));
	br_ssl_engine_set_buffer(engine, buffer, sizeof buffer, 1);
	br_ssl_server_reset(&tls);
	for (;;) {
		unsigned state = br_ssl_engine_current_state(engine);
		unsigned char *data;
		size_t size;
		ssize_t n;
		if (state == BR_SSL_CLOSED) return;
		if (state & BR_SSL_SENDREC) {
			data = br_ssl_engine_sendrec_buf(engine, &size);
			if ((n = write(client, data, size)) <= 0) return;
			br_ssl_engine_sendrec_ack(engine, (size_t)n);
			continue;
		}
		if (state & BR_SSL_RECVAPP) {
			data = br_ssl_engine_recvapp_buf(engine, &size);
			if ((n = write(web, data, size)) <= 0) return;
			br_ssl_engine_recvapp_ack(engine, (size_t)n);
			continue;
		}
		struct pollfd both[2] = { { client, state & BR_SSL_RECVREC ? POLLIN : 0, 0 }, { web, state & BR_SSL_SENDAPP ? POLLIN : 0, 0 } };
		if (poll(both, 2, 20000) <= 0) return;
		if (both[0].revents) {
			data = br_ssl_engine_recvrec_buf(engine, &size);
			if ((n = read(client, data, size)) <= 0) return;
			br_ssl_engine_recvrec_ack(engine, (size_t)n);
		} else if (both[1].revents) {
			data = br_ssl_engine_sendapp_buf(engine, &size);
			if ((n = read(web, data, size)) > 0) {
				br_ssl_engine_sendapp_ack(engine, (size_t)n);
				br_ssl_engine_flush(engine, 0);
			} else {
				close(web);
				web = -1;
				br_ssl_engine_close(engine);
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(443) };
	int on = 1, client, server = socket(AF_INET, SOCK_STREAM, 0);
	const char *settings = "/etc/tlsd.conf";
	if (getopt(argc, argv, "c:") == 'c') settings = optarg;
	if (!settle(settings)) return 2;
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 8)) {
		perror("tlsd");
		return 1;
	}
	while ((client = accept(server, NULL, NULL)) >= 0) {
		if (!fork()) {
			serve(client);
			_exit(0);
		}
		close(client);
	}
	return 1;
}
