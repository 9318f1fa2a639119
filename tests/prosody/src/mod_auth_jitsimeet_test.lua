-- Guests that can come back, as on a Jitsi deployment: who connects with `previd`, the id of a stream management
-- session, in the query of the service URL is the user of that session; everyone else is a new user.
-- Where `jitsimeet_test_token_secret` is set, guests must bear a token signed with it, as `token` in the same query.
local new_sasl = require "util.sasl".new;
local formdecode = require "util.http".formdecode;
local verify = require "util.jwt".verify;
local host_sessions = prosody.hosts[module.host].sessions;
local secret = module:get_option_string("jitsimeet_test_token_secret");

for _, transport in ipairs { "websocket", "bosh" } do
	module:hook_global(transport .. "-session", function (event)
		local query = event.request.url.query;
		local fields = query and formdecode(query) or {};
		event.session.test_previd, event.session.test_token = fields.previd, fields.token;
	end);
end

local function owner(previd)
	for username, user in pairs(host_sessions) do
		for _, session in pairs(user.sessions) do
			if session.resumption_token == previd then
				return username;
			end
		end
	end
end

-- Returns what is wrong with a token, in the words of Jitsi's.
local function objection(token)
	if not token then
		return "token required";
	end
	local valid, claims = verify(secret, token);
	if not valid then
		return "Invalid signature";
	elseif not claims.exp or claims.exp <= os.time() then
		return "Not acceptable by exp";
	end
end

local provider = {};

function provider.get_sasl_handler(session)
	local handler = new_sasl(module.host, { anonymous = function () return true; end });
	local process = handler.process;
	function handler:process(message)
		local refused = secret and objection(session.test_token);
		if refused then
			return "failure", "not-allowed", refused;
		end
		local status, answer, text = process(self, message);
		if status == "success" and session.test_previd then
			self.username = owner(session.test_previd) or self.username;
		end
		return status, answer, text;
	end
	return handler;
end

function provider.user_exists(username)
	return host_sessions[username] ~= nil;
end

module:provides("auth", provider);
