(4 lines as usual)
while live=$(ask config); [ "$live" != ca94dca898543c3e ]; do
(11 lines as usual)
