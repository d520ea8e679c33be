"""What is tested: the bundled platform as a child process, the same in this process, or a URL.

Only this folder knows how the bundled platform is started; everything else sees a base URL over HTTP.
"""
