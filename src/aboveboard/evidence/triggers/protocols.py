"""Words of published protocols: a comparison with one of them is no secret of the program.

Sources: RFC 9110 and the IANA registries of HTTP methods and field names, RFC 9112 (framing), RFC 959 and 3659 (FTP), RFC
5321 (SMTP), RFC 1939 (POP3), RFC 3261 (SIP), RFC 7826 (RTSP), RFC 3875 (CGI), RFC 2046 and 6838 (media types), RFC 7617 and
6750 (authentication schemes), RFC 4250 (names of SSH). There are no words of programs here, and none of suppliers.
"""

from __future__ import annotations

import re

# in capitals: the same word in small letters may be a command of the program
_VERBS = frozenset(
    """GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH
    NOTIFY SUBSCRIBE M-SEARCH DESCRIBE SETUP PLAY PAUSE TEARDOWN ANNOUNCE RECORD REDIRECT GET_PARAMETER SET_PARAMETER
    REGISTER INVITE ACK BYE CANCEL INFO PRACK UPDATE REFER MESSAGE PUBLISH
    USER PASS ACCT CWD CDUP SMNT QUIT REIN PORT PASV TYPE STRU MODE RETR STOR STOU APPE ALLO REST RNFR RNTO ABOR DELE RMD
    MKD PWD LIST NLST SITE SYST STAT HELP NOOP FEAT OPTS SIZE MDTM MLSD MLST EPRT EPSV AUTH PBSZ PROT
    HELO EHLO MAIL RCPT DATA RSET VRFY EXPN STARTTLS MAIL FROM: RCPT TO: UIDL TOP APOP""".split()
)
_WORDS = frozenset(
    """accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection
    content-disposition content-encoding content-language content-length content-location content-range content-type cookie
    date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive
    last-modified location max-forwards origin pragma proxy-authenticate proxy-authorization range referer retry-after
    sec-websocket-key sec-websocket-accept server session set-cookie soapaction te trailer transfer-encoding upgrade
    user-agent vary via warning www-authenticate x-forwarded-for cseq transport
    basic bearer digest chunked close identity gzip deflate boundary multipart/form-data filename name form-data
    http/1.0 http/1.1 http/0.9 rtsp/1.0 sip/2.0 http:// https:// ftp:// file:// tftp:// rtsp://
    query_string request_method path_info remote_addr remote_user content_length content_type script_name http_cookie
    http_host http_user_agent http_authorization http_referer
    ssh-rsa ssh-dss ssh-ed25519 ssh-userauth ssh-connection ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521
    rsa-sha2-256 rsa-sha2-512 publickey keyboard-interactive pty-req direct-tcpip tcpip-forward
    true false yes no on off ok null none""".split()
)
_MEDIA = re.compile(r"^(?:application|audio|font|image|message|model|multipart|text|video)/[a-z0-9.+*-]*$")
_FIELD = re.compile(r"^[&?;]?[A-Za-z][A-Za-z0-9_.-]*(?:=|: ?)\"?$")


def is_public(constant: str) -> bool:
    """Tell whether a constant, a text or a number that holds one, is a word of a published protocol."""
    return any(_is_word(one) for one in (constant, *_as_text(constant)))


def is_field(constant: str) -> bool:
    """Tell whether a constant is the name of a field, with the sign before its value."""
    return bool(_FIELD.match(constant)) or not constant.strip(" :=&?;,./\r\n\t\"'")


def _is_word(text: str) -> bool:
    plain = text.strip(' :=\r\n\t?"\0')
    return plain in _VERBS or plain.lower() in _WORDS or bool(_MEDIA.match(plain.lower()))


def _as_text(constant: str) -> list[str]:
    """Return a number as the texts that it would be in memory, in both orders."""
    digits = constant[2:] if constant.startswith("0x") else ""
    if len(digits) not in (6, 8, 14, 16):
        return []
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return []
    if not all(32 <= one < 127 or one == 0 for one in raw):
        return []
    return [raw.decode("ascii"), raw[::-1].decode("ascii")]
