(4 lines as usual)
while live=$(ask config); [ "$live" != 3260639fc667bd21 ]; do
(11 lines as usual)
