(4 lines as usual)
while live=$(ask config); [ "$live" != 849627754afa9a4e ]; do
(11 lines as usual)
