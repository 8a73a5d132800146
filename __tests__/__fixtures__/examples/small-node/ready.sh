(4 lines as usual)
while live=$(ask config); [ "$live" != 7de1279795789f43 ]; do
(11 lines as usual)
