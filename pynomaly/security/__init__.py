"""Who someone is, what they may do, what they did, and how what they stored stays theirs.

`services` builds everything. `auth` is the face of identity, over `logins` (is the password right?),
`sessions` and `tokens` (is the login still alive?), `api_keys`, `credentials` (one's own) and
`administration` (other people's). `authorization` decides, `audit` remembers, `encryption` hides,
`rate_limits` holds back, `personal_data` hands out and forgets. `foundation` is what they share, `proofs` and
`epoch` make them fast without making them late, and `memory` keeps everything in memory where a database
would be too much.
"""
