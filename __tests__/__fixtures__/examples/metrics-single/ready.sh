(4 lines as usual)
while live=$(ask config); [ "$live" != c91c55b140afb8c0 ]; do
(11 lines as usual)
