-- Two messages on one connection, driven by Debian's miltertest, which shares no line with us.
-- miltertest -D sock=inet:PORT@127.0.0.1 -s miltertest.lua

local function check(what, bad)
    if bad then error(what) end
end

local function one_message(conn, sender, recipient)
    check("MAIL", mt.mailfrom(conn, sender) ~= nil)
    check("RCPT", mt.rcptto(conn, recipient) ~= nil)
    check("DATA", mt.data(conn) ~= nil)
    check("answer to DATA", mt.getreply(conn) ~= SMFIR_CONTINUE)
    check("header", mt.header(conn, "From", sender) ~= nil)
    check("header", mt.header(conn, "Subject", " \xd1\xf7\xe5\xf2") ~= nil)
    check("header", mt.header(conn, "X-Desk-Queue", " forged") ~= nil)
    check("EOH", mt.eoh(conn) ~= nil)
    check("body", mt.bodystring(conn, "Hello\r\n") ~= nil)
    check("answer to body", mt.getreply(conn) ~= SMFIR_CONTINUE)
    check("EOM", mt.eom(conn) ~= nil)
    check("answer to EOM", mt.getreply(conn) ~= SMFIR_ACCEPT)
end

mt.set_timeout(5)
local conn = mt.connect(sock, 20, 0.1)
check("connect", conn == nil)
check("negotiation", mt.negotiate(conn, nil, nil, nil) ~= nil)
check("asks to add recipients", not mt.test_action(conn, SMFIF_ADDRCPT))
check("asks to be able to skip", not mt.test_option(conn, SMFIP_SKIP))
check("does not ask to replace bodies", mt.test_action(conn, SMFIF_CHGBODY))
mt.macro(conn, SMFIC_CONNECT, "j", "mail.example")
check("CONNECT", mt.conninfo(conn, "mx.customer.example", "203.0.113.25") ~= nil)
check("HELO", mt.helo(conn, "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82") ~= nil)

one_message(conn, "<one@customer.example>", "<Bill@Desk.example>")
check("field deleted", not mt.eom_check(conn, MT_HDRDELETE, "x-desk-queue"))
check("field added", not mt.eom_check(conn, MT_HDRADD, "X-Desk-Queue", " support"))
check("recipient added", not mt.eom_check(conn, MT_RCPTADD, "<support@desk.example>"))
check("recipient removed", not mt.eom_check(conn, MT_RCPTDELETE, "<Bill@Desk.example>"))

-- A message given up, and one that is nobody's: it gets nothing of the first.
check("MAIL", mt.mailfrom(conn, "<gone@customer.example>") ~= nil)
mt.abort(conn)
one_message(conn, "<two@customer.example>", "<anna@other.example>")
check("forged field deleted", not mt.eom_check(conn, MT_HDRDELETE, "x-desk-queue"))
check("nothing added", mt.eom_check(conn, MT_HDRADD, "X-Desk-Queue"))
check("no recipient added", mt.eom_check(conn, MT_RCPTADD, "<support@desk.example>"))

-- A body that is too much.
check("MAIL", mt.mailfrom(conn, "<three@customer.example>") ~= nil)
check("RCPT", mt.rcptto(conn, "<anna@other.example>") ~= nil)
check("EOH", mt.eoh(conn) ~= nil)
for _ = 1, 5 do mt.bodystring(conn, string.rep("x", 65535)) end
check("SKIP", mt.getreply(conn) ~= SMFIR_SKIP)
check("EOM", mt.eom(conn) ~= nil)
check("answer to EOM", mt.getreply(conn) ~= SMFIR_ACCEPT)
mt.disconnect(conn)
