(4 lines as usual)
while live=$(ask config); [ "$live" != d4eb3e3bb23de37a ]; do
(11 lines as usual)
