{#- A regular expression of one or several Mandarin syllables written as one word in Latin letters. -#}
{% macro pinyin_word() -%}
    ((zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(iang|iong|uang|ang|eng|ian|iao|ing|ong|uai|uan|van|ai|an|ao|ei|en|er|ia|ie|in|iu|ou|ua|ue|ui|un|uo|ve|vn|a|e|i|o|u|v))+
{%- endmacro %}
