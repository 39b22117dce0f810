"""The site: settings, routes and the way into the web server and the worker."""
