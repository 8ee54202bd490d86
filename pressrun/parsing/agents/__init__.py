"""Who a User-Agent is: a person's browser, a feed reader, a mail service's machine, a bot, or ourselves."""
