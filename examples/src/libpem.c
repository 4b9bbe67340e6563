/* libpem: writes keys and certificates as PEM text (RFC 7468). It holds the words of that form, and no key. */
#include <stdio.h>
#include <string.h>

static const char template_rsa[] =
	"-----BEGIN RSA PRIVATE KEY-----\n"
	"%s\n"
	"-----END RSA PRIVATE KEY-----\n";
static const char template_pkcs8[] = "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n";
static const char template_certificate[] = "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n";

int pem_write(FILE *out, const char *kind, const char *base64)
{
	if (!strcmp(kind, "rsa")) return fprintf(out, template_rsa, base64);
	if (!strcmp(kind, "certificate")) return fprintf(out, template_certificate, base64);
	return fprintf(out, template_pkcs8, base64);
}
