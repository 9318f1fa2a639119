-- Guests that can come back, as on a Jitsi deployment: who connects with `previd`, the id of a stream management
-- session, in the query of the service URL is the user of that session; everyone else is a new user.
local new_sasl = require "util.sasl".new;
local formdecode = require "util.http".formdecode;
local host_sessions = prosody.hosts[module.host].sessions;

module:hook_global("websocket-session", function (event)
	local query = event.request.url.query;
	event.session.test_previd = query and formdecode(query).previd;
end);

local function owner(previd)
	for username, user in pairs(host_sessions) do
		for _, session in pairs(user.sessions) do
			if session.resumption_token == previd then
				return username;
			end
		end
	end
end

local provider = {};

function provider.get_sasl_handler(session)
	local handler = new_sasl(module.host, { anonymous = function () return true; end });
	local process = handler.process;
	function handler:process(message)
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
