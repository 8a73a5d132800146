(4 lines as usual)
while live=$(ask config); [ "$live" != 4a15749bf0856104 ]; do
(11 lines as usual)
