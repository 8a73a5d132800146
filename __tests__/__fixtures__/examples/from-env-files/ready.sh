(4 lines as usual)
while live=$(ask config); [ "$live" != da66a25e0560c44f ]; do
(11 lines as usual)
