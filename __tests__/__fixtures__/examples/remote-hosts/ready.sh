(4 lines as usual)
while live=$(ask config); [ "$live" != d118ac6e98fbdaca ]; do
(11 lines as usual)
