-- CTAPHID and CTAP2 for Wireshark and tshark (CTAP 2.3 §11.2, §8): messages put together again, their CBOR dissected.
--
--   tshark -X lua_script:ctaphid.lua -r capture.pcapng
--
-- It reads captures of real keys (usbmon) as well.

local ctaphid = Proto("ctaphid", "FIDO CTAPHID")

local INIT_BIT, BROADCAST, MAX_MESSAGE = 0x80, 0xffffffff, 7609

local COMMANDS = {
  [0x01] = "PING", [0x03] = "MSG", [0x04] = "LOCK", [0x06] = "INIT", [0x08] = "WINK", [0x10] = "CBOR",
  [0x11] = "CANCEL", [0x3b] = "KEEPALIVE", [0x3f] = "ERROR",
}
local ERRORS = {
  [0x01] = "INVALID_CMD", [0x02] = "INVALID_PAR", [0x03] = "INVALID_LEN", [0x04] = "INVALID_SEQ",
  [0x05] = "MSG_TIMEOUT", [0x06] = "CHANNEL_BUSY", [0x0a] = "LOCK_REQUIRED", [0x0b] = "INVALID_CHANNEL",
  [0x7f] = "OTHER",
}
local KEEPALIVES = { [1] = "PROCESSING", [2] = "USER_PRESENCE_NEEDED" }
local CTAP2 = {
  [0x01] = "makeCredential", [0x02] = "getAssertion", [0x04] = "getInfo", [0x06] = "clientPIN", [0x07] = "reset",
  [0x08] = "getNextAssertion", [0x09] = "bioEnrollment", [0x0a] = "credentialManagement", [0x0b] = "selection",
  [0x0c] = "largeBlobs", [0x0d] = "config", [0x40] = "bioEnrollmentPreview", [0x41] = "credentialManagementPreview",
}
local STATUS = {
  [0x00] = "SUCCESS", [0x01] = "INVALID_COMMAND", [0x02] = "INVALID_PARAMETER", [0x03] = "INVALID_LENGTH",
  [0x04] = "INVALID_SEQ", [0x05] = "TIMEOUT", [0x06] = "CHANNEL_BUSY", [0x0a] = "LOCK_REQUIRED",
  [0x0b] = "INVALID_CHANNEL", [0x11] = "CBOR_UNEXPECTED_TYPE", [0x12] = "INVALID_CBOR",
  [0x14] = "MISSING_PARAMETER", [0x15] = "LIMIT_EXCEEDED", [0x17] = "FP_DATABASE_FULL",
  [0x18] = "LARGE_BLOB_STORAGE_FULL", [0x19] = "CREDENTIAL_EXCLUDED", [0x21] = "PROCESSING",
  [0x22] = "INVALID_CREDENTIAL", [0x23] = "USER_ACTION_PENDING", [0x24] = "OPERATION_PENDING",
  [0x25] = "NO_OPERATIONS", [0x26] = "UNSUPPORTED_ALGORITHM", [0x27] = "OPERATION_DENIED",
  [0x28] = "KEY_STORE_FULL", [0x2b] = "UNSUPPORTED_OPTION", [0x2c] = "INVALID_OPTION",
  [0x2d] = "KEEPALIVE_CANCEL", [0x2e] = "NO_CREDENTIALS", [0x2f] = "USER_ACTION_TIMEOUT",
  [0x30] = "NOT_ALLOWED", [0x31] = "PIN_INVALID", [0x32] = "PIN_BLOCKED", [0x33] = "PIN_AUTH_INVALID",
  [0x34] = "PIN_AUTH_BLOCKED", [0x35] = "PIN_NOT_SET", [0x36] = "PUAT_REQUIRED",
  [0x37] = "PIN_POLICY_VIOLATION", [0x39] = "REQUEST_TOO_LARGE", [0x3a] = "ACTION_TIMEOUT",
  [0x3b] = "UP_REQUIRED", [0x3c] = "UV_BLOCKED", [0x3d] = "INTEGRITY_FAILURE", [0x3e] = "INVALID_SUBCOMMAND",
  [0x3f] = "UV_INVALID", [0x40] = "UNAUTHORIZED_PERMISSION", [0x7f] = "OTHER",
}
local U2F = { [0x01] = "register", [0x02] = "authenticate", [0x03] = "version" }
local WORDS = {
  [0x9000] = "NO_ERROR", [0x6700] = "WRONG_LENGTH", [0x6985] = "CONDITIONS_NOT_SATISFIED",
  [0x6986] = "COMMAND_NOT_ALLOWED", [0x6a80] = "WRONG_DATA", [0x6a86] = "INCORRECT_P1_P2",
  [0x6d00] = "INS_NOT_SUPPORTED", [0x6e00] = "CLA_NOT_SUPPORTED", [0x6f00] = "NO_PRECISE_DIAGNOSIS",
}

local f = {
  channel = ProtoField.uint32("ctaphid.channel", "Channel", base.HEX),
  command = ProtoField.uint8("ctaphid.command", "Command", base.HEX, COMMANDS, 0x7f),
  length = ProtoField.uint16("ctaphid.length", "Message length"),
  sequence = ProtoField.uint8("ctaphid.sequence", "Sequence"),
  data = ProtoField.bytes("ctaphid.data", "Data"),
  nonce = ProtoField.bytes("ctaphid.nonce", "Nonce"),
  new_channel = ProtoField.uint32("ctaphid.new_channel", "Allocated channel", base.HEX),
  capabilities = ProtoField.uint8("ctaphid.capabilities", "Capabilities", base.HEX),
  keepalive = ProtoField.uint8("ctaphid.keepalive", "Keepalive", base.DEC, KEEPALIVES),
  error = ProtoField.uint8("ctaphid.error", "Error", base.HEX, ERRORS),
  ctap2 = ProtoField.uint8("ctaphid.ctap2.command", "CTAP2 command", base.HEX, CTAP2),
  status = ProtoField.uint8("ctaphid.ctap2.status", "CTAP2 status", base.HEX, STATUS),
  u2f = ProtoField.uint8("ctaphid.u2f.ins", "U2F instruction", base.HEX, U2F),
  word = ProtoField.uint16("ctaphid.u2f.sw", "U2F status word", base.HEX, WORDS),
}
ctaphid.fields = f

local open, asked, whole -- messages that are not whole yet; the command under way; frame -> its whole message
function ctaphid.init()
  open, asked, whole = {}, {}, {}
end

local function side(pinfo, channel)
  local to_key = tostring(pinfo.src) == "host"
  local key = tostring(to_key and pinfo.dst or pinfo.src) .. "/" .. channel
  return key, to_key
end

local function is_ours(tvb, pinfo)
  if tvb:len() ~= 64 then return false end
  local channel, kind = tvb(0, 4):uint(), tvb(4, 1):uint()
  if channel == 0 then return false end
  if kind < INIT_BIT then
    local key, to_key = side(pinfo, channel)
    return whole[pinfo.number] ~= nil or open[key .. tostring(to_key)] ~= nil or pinfo.visited
  end
  local command = kind - INIT_BIT
  return (COMMANDS[command] ~= nil or command >= 0x40) and tvb(5, 2):uint() <= MAX_MESSAGE
end

local function gather(tvb, pinfo, channel, kind)
  local key, to_key = side(pinfo, channel)
  local place = key .. tostring(to_key)
  local message
  if kind >= INIT_BIT then
    local command = kind - INIT_BIT
    if command == 0x3b or command == 0x11 then return end -- KEEPALIVE and CANCEL come in between
    local length = tvb(5, 2):uint()
    message = { command = command, length = length, to_key = to_key, data = ByteArray.new() }
    message.data:append(tvb(7, math.min(length, 57)):bytes())
    open[place] = message
  else
    message = open[place]
    if not message then return end
    message.data:append(tvb(5, math.min(message.length - message.data:len(), 59)):bytes())
  end
  if message.data:len() < message.length then return end
  open[place] = nil
  if to_key and message.length > 0 then
    asked[key] = message.data:get_index(0)
  else
    message.asked = asked[key]
  end
  whole[pinfo.number] = message
end

local function cbor(data, pinfo, tree, name) -- after the byte of the command or status
  if data:len() > 1 then
    Dissector.get("cbor"):call(data:subset(1, data:len() - 1):tvb(name), pinfo, tree)
  end
end

local function tell_message(message, pinfo, tree)
  local data = message.data
  if message.length == 0 then return nil end
  local tvb = data:tvb("CTAPHID message")
  if message.command == 0x10 and message.to_key then
    tree:add(f.ctap2, tvb(0, 1))
    cbor(data, pinfo, tree, "CTAP2 parameters")
    return CTAP2[data:get_index(0)] or "unknown command"
  elseif message.command == 0x10 then
    tree:add(f.status, tvb(0, 1))
    if message.asked then
      tree:add(f.ctap2, message.asked):set_generated()
    end
    cbor(data, pinfo, tree, "CTAP2 response")
    return (CTAP2[message.asked] or "") .. " " .. (STATUS[data:get_index(0)] or "unknown status")
  elseif message.command == 0x03 and message.to_key and data:len() > 1 then
    tree:add(f.u2f, tvb(1, 1))
    return "U2F " .. (U2F[data:get_index(1)] or "unknown instruction")
  elseif message.command == 0x03 and data:len() > 1 then
    local word = tvb(data:len() - 2, 2)
    tree:add(f.word, word)
    return "U2F " .. (WORDS[word:uint()] or string.format("%04x", word:uint()))
  end
end

function ctaphid.dissector(tvb, pinfo, root)
  local channel, kind = tvb(0, 4):uint(), tvb(4, 1):uint()
  if not pinfo.visited then gather(tvb, pinfo, channel, kind) end
  pinfo.cols.protocol = "CTAPHID"
  local tree = root:add(ctaphid, tvb())
  tree:add(f.channel, tvb(0, 4))
  local told
  if kind < INIT_BIT then
    tree:add(f.sequence, tvb(4, 1))
    tree:add(f.data, tvb(5))
    told = "continuation " .. kind
  else
    local command, length = kind - INIT_BIT, tvb(5, 2):uint()
    tree:add(f.command, tvb(4, 1))
    tree:add(f.length, tvb(5, 2))
    told = COMMANDS[command] or string.format("vendor 0x%02x", command)
    local first = math.min(length, 57)
    if command == 0x06 and length >= 8 then
      tree:add(f.nonce, tvb(7, 8))
      if length >= 17 then
        tree:add(f.new_channel, tvb(15, 4))
        tree:add(f.capabilities, tvb(23, 1))
      end
    elseif command == 0x3b and length > 0 then
      tree:add(f.keepalive, tvb(7, 1))
      told = told .. " " .. (KEEPALIVES[tvb(7, 1):uint()] or "")
    elseif command == 0x3f and length > 0 then
      tree:add(f.error, tvb(7, 1))
      told = told .. " " .. (ERRORS[tvb(7, 1):uint()] or "")
    elseif first > 0 then
      tree:add(f.data, tvb(7, first))
    end
  end
  local message = whole[pinfo.number]
  if message then
    local more = tell_message(message, pinfo, tree)
    if more then told = told .. " " .. more end
  end
  tree:append_text(string.format(", channel %08x, %s", channel, told))
  pinfo.cols.info = string.format("%08x %s", channel, told)
  return tvb:len()
end

ctaphid:register_heuristic("usb.interrupt", function(tvb, pinfo, root)
  if not is_ours(tvb, pinfo) then return false end
  ctaphid.dissector(tvb, pinfo, root)
  return true
end)
