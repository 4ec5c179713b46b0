"""From a request to finished picture files, on one loaded checkpoint.

`plan` (with `walks`, `texts`, `refusals`) decides everything; `start`, `conditioning`, `passes` and
`enlarge` compute; `fields` tells of it; `engine` drives it all and is what others call.
"""
