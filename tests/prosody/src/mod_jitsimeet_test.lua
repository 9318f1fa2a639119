-- Ties this Prosody to the process that started it.
module:set_global();

-- The other end of standard input is closed when that process lets go of this one, or is gone, however it ended.
-- There is nothing to save, so there is nothing to wait for. A line asks for an orderly end.
require "net.server".watchfd(0, function ()
	if io.read("*l") then
		-- There is waiting in it.
		prosody.main_thread:run(function () prosody.shutdown("it was asked to"); end);
	else
		os.exit(0);
	end
end);

module:hook("server-started", function ()
	for _, host in ipairs { "accounts.localhost", "plain.localhost" } do
		require "core.usermanager".create_user("user", "pencil", host);
	end
	module:log("info", "the test may begin");
end, -1000);
