(4 lines as usual)
while live=$(ask config); [ "$live" != 6d4cbaa0f946a259 ]; do
(11 lines as usual)
