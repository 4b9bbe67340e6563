"""Functions that bring something into a program, hand it on or copy it: where values come from is read off these tables.

Sources: POSIX.1-2017; RFC 3875 (the environment of CGI programs); OpenSSL, GnuTLS, mbed TLS (their reading functions).
"""

from __future__ import annotations

NETWORK, STDIN, STREAM, FILE, CGI, ENVIRONMENT, ARGUMENT, SETTINGS, COMMAND, LOCAL = (
    "network stdin stream file cgi environment argument settings command local".split()
)
OUTSIDE = frozenset({NETWORK, STDIN, STREAM, FILE, CGI})

# function -> number of the buffer that it fills, and of the descriptor or stream that it reads
FILLS = {
    **dict.fromkeys(("recv", "recvfrom", "__recv_chk", "__recvfrom_chk"), (1, -1)),
    **dict.fromkeys(("recvmsg", "SSL_read", "BIO_read", "gnutls_record_recv", "mbedtls_ssl_read", "wolfSSL_read"), (1, -1)),
    **dict.fromkeys(("read", "__read_chk", "pread", "pread64"), (1, 0)),
    **dict.fromkeys(("fgets", "fgets_unlocked"), (0, 2)),
    "__fgets_chk": (0, 3),
    "fread": (0, 3),
    "__fread_chk": (0, 4),
    "fread_unlocked": (0, 3),
    **dict.fromkeys(("getline", "__getline", "_IO_getline"), (0, 2)),
    "getdelim": (0, 3),
    "__getdelim": (0, 3),
    "gets": (0, -2),
    "readv": (1, 0),
}
CHARACTERS = {"fgetc": 0, "getc": 0, "_IO_getc": 0, "fgetc_unlocked": 0, "getc_unlocked": 0, "getchar": -2, "__uflow": 0}
# function -> the argument whose content the result is, points into, or is a copy of
THROUGH = {
    **dict.fromkeys(
        """strtok strtok_r __strtok_r strsep strchr strrchr strstr strcasestr memchr strdup __strdup strndup __strndup index
        rindex strpbrk strchrnul basename __xpg_basename dirname atoi atol atoll strtol strtoul strtoll strtoull
        __isoc23_strtol __isoc23_strtoul strlen strspn strcspn toupper tolower inet_addr htons ntohs htonl ntohl memmem
        stpcpy xstrdup g_strdup rawmemchr strnlen""".split(),
        0,
    ),
    "crypt": 0,
}
# function -> (target, first source, whether all later arguments are sources)
COPIES = {
    **dict.fromkeys(
        ("strcpy", "strncpy", "strcat", "strncat", "stpcpy", "memcpy", "memmove", "strlcpy", "strlcat"), (0, 1, False)
    ),
    **dict.fromkeys(("__strcpy_chk", "__strncpy_chk", "__strcat_chk", "__memcpy_chk", "__memmove_chk"), (0, 1, False)),
    "bcopy": (1, 0, False),
    "sprintf": (0, 2, True),
    "snprintf": (0, 3, True),
    "__sprintf_chk": (0, 4, True),
    "__snprintf_chk": (0, 5, True),
    "asprintf": (0, 2, True),
    "__asprintf_chk": (0, 3, True),
}
SCANS = frozenset({"sscanf", "__isoc99_sscanf", "__isoc23_sscanf"})
STREAM_SCANS = frozenset({"fscanf", "__isoc99_fscanf", "scanf", "__isoc99_scanf", "__isoc23_scanf", "__isoc23_fscanf"})
_MADE_ELSEWHERE = frozenset(
    """getpwnam getpwuid getspnam getgrnam getgrgid gethostbyname getaddrinfo localtime gmtime time getpid getppid getuid
    geteuid getgid uname sysconf errno __errno_location stat fstat open socket bind listen connect close fork waitpid select
    poll epoll_wait setsockopt getsockopt ioctl fcntl dup dup2 pipe kill gettimeofday clock_gettime times random rand
    setlocale bindtextdomain textdomain gettext dcgettext access fclose fflush feof ferror ftell fseek lseek""".split()
)
_OPTIONS = frozenset({"getopt", "getopt_long", "getopt_long_only", "poptGetNextOpt", "poptGetOptArg"})
_READS_SETTINGS = frozenset(
    """nvram_get nvram_safe_get uci_lookup_option_string uci_get config_get acosNvramConfig_get getconf cfg_get
    lh_table_lookup blobmsg_get_string""".split()
)
OF_CGI = frozenset(
    """QUERY_STRING REQUEST_METHOD PATH_INFO REMOTE_ADDR REMOTE_HOST REMOTE_USER REMOTE_IDENT REQUEST_URI CONTENT_TYPE
    CONTENT_LENGTH SCRIPT_NAME PATH_TRANSLATED AUTH_TYPE SERVER_PROTOCOL HTTPS""".split()
)
# function -> the argument with the path
OPENS = {**dict.fromkeys(("fopen", "fopen64", "open", "open64", "__open_2", "__open64_2"), 0), "openat": 1}
OPENS_SOCKETS = frozenset({"socket", "accept", "accept4", "socketpair"})
# function -> where its result always comes from
GIVES = {
    **dict.fromkeys(_MADE_ELSEWHERE, LOCAL),
    **dict.fromkeys(("getpass", "readline"), STDIN),
    **dict.fromkeys(_READS_SETTINGS, SETTINGS),
    **dict.fromkeys(_OPTIONS, ARGUMENT),
}
