(4 lines as usual)
while live=$(ask config); [ "$live" != 065a6d02d4e18ab6 ]; do
(11 lines as usual)
