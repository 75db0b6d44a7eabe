# The pure sources as a static library, and the programs linked with it.
#
# make -f scripts/pure.mk OUT=DIR SOURCES="..." PROGRAMS="x_test y_test" \
#     FROM=t/unit CC=cc FLAGS="-g ..." LINK="-fsanitize=..." lib programs

OBJECTS  := $(patsubst ngx_llm_gov_module/%.c,$(OUT)/%.o,$(SOURCES))
BINARIES := $(addprefix $(OUT)/,$(PROGRAMS))
WARNINGS := -W -Wall -Wextra -Wpointer-arith -Wno-unused-parameter -Werror
COMPILE   = $(CC) -std=gnu11 $(WARNINGS) $(FLAGS) -I ngx_llm_gov_module
LIBS     := -lcrypto -lz -lcjson -lcurl -llmdb -lm -lpthread

.PHONY: lib programs

lib: $(OBJECTS)
	@rm -f $(OUT)/libllm.a
	@ar rc $(OUT)/libllm.a $(OBJECTS)

programs: $(BINARIES)

$(OUT)/%.o: ngx_llm_gov_module/%.c scripts/pure.mk
	@mkdir -p $(dir $@)
	@$(COMPILE) -MMD -MP -c -o $@ $<

$(BINARIES): $(OUT)/%: $(FROM)/%.c $(OUT)/libllm.a
	@$(COMPILE) -MMD -MP -MF $@.d $(LINK) -o $@ $< $(OUT)/libllm.a $(LIBS)

-include $(OBJECTS:.o=.d) $(addsuffix .d,$(BINARIES))
