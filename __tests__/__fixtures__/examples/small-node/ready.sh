(4 lines as usual)
while live=$(ask config); [ "$live" != 0057148246eac75c ]; do
(11 lines as usual)
