-- Ties this Prosody to the process that started it.
module:set_global();

-- The other end of standard input is closed when that process lets go of this one, or is gone, however it ended.
-- There is nothing to save, so there is nothing to wait for.
require "net.server".watchfd(0, function ()
	os.exit(0);
end);

module:hook("server-started", function ()
	require "core.usermanager".create_user("user", "pencil", "accounts.localhost");
	module:log("info", "the test may begin");
end, -1000);
