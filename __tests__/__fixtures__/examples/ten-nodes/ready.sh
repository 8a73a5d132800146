(4 lines as usual)
while live=$(ask config); [ "$live" != d95cb531174ff6e5 ]; do
(11 lines as usual)
