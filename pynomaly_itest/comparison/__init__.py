"""Two builds, two services or two runs held against each other: what is started, asked, measured and told."""
